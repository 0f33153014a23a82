// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/identifier.hpp>
#include <lutra/nonlinear/detail/emit_text.hpp>
#include <lutra/nonlinear/pwl_circuit.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

/// The two forms of an emitted module.
enum class circuit_timing : std::uint8_t {
    combinational, ///< ports x, y
    registered, ///< ports clk, rst, in_valid, x, out_valid, y; a result a cycle, registered_latency cycles after its input
};
inline constexpr int registered_latency = 3; ///< comparators | look-up and product | sum, rounding, clipping

namespace detail {

/// A signed literal of so many bits: -8'sd3.
template <text_sink Sink>
constexpr void put_literal(Sink& out, std::int64_t value, int bits) {
    put(out, value < 0 ? "-" : "", bits, "'sd",
        value < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
}

/// "[7:0] "
template <text_sink Sink>
constexpr void put_width(Sink& out, int bits) {
    put(out, "[", bits - 1, ":0] ");
}

/// The number of the segment of x as a wire.
template <text_sink Sink, int N>
constexpr void put_comparators(Sink& out, const pwl_circuit<N>& c, std::string_view wire) {
    const int bits = c.segment_bits();
    put(out, "    wire ");
    put_width(out, bits);
    put(out, wire, " =\n");
    for (int i = 0; i + 1 < c.entries; ++i) {
        put(out, "        x < ");
        put_literal(out, c.first[static_cast<std::size_t>(i) + 1], c.input.total_bits);
        put(out, " ? ", bits, "'d", i, " :\n");
    }
    put(out, "        ", bits, "'d", c.entries - 1, ";\n");
}

/// Slope and intercept by `segment`.
template <text_sink Sink, int N>
constexpr void put_table(Sink& out, const pwl_circuit<N>& c) {
    put(out, "    reg signed ");
    put_width(out, c.slopes.bits());
    put(out, "slope;\n    reg signed ");
    put_width(out, c.intercepts.bits());
    put(out, "intercept; // half an output unit included\n    always @* begin\n        case (segment)\n");
    for (int i = 0; i < c.entries; ++i) {
        if (i + 1 < c.entries)
            put(out, "            ", c.segment_bits(), "'d", i);
        else
            put(out, "            default");
        put(out, ": begin slope = ");
        put_literal(out, c.slope[static_cast<std::size_t>(i)], c.slopes.bits());
        put(out, "; intercept = ");
        put_literal(out, c.intercept[static_cast<std::size_t>(i)], c.intercepts.bits());
        put(out, "; end\n");
    }
    put(out, "        endcase\n    end\n");
}

/// The wire `result`, from `product` and an intercept.
template <text_sink Sink, int N>
constexpr void put_result(Sink& out, const pwl_circuit<N>& c, std::string_view intercept) {
    const int sum = c.sum_bits(), shifted = sum - c.shift, max = c.output.max_raw();
    put(out, "    wire signed ");
    put_width(out, sum);
    put(out, "sum = product + ", intercept, ";\n    wire signed ");
    put_width(out, shifted);
    put(out, "rounded = sum[", sum - 1, ":", c.shift, "];\n    wire signed ");
    put_width(out, c.output.total_bits);
    put(out, "result =", c.clips_above() || c.clips_below() ? "\n        " : " ");
    const auto clip = [&](std::string_view relation, int bound) {
        put(out, "rounded ", relation, " ");
        put_literal(out, bound, shifted);
        put(out, " ? ");
        put_literal(out, bound, c.output.total_bits);
        put(out, " :\n        ");
    };
    if (c.clips_above()) clip(">", max);
    if (c.clips_below()) clip("<", -max);
    put(out, "rounded");
    if (shifted > c.output.total_bits) put(out, "[", c.output.total_bits - 1, ":0]");
    put(out, ";\n");
}

// @0 the latency, @1 and @2 that less 1 and 2
inline constexpr std::string_view registers = R"(
    reg [@1:0] valid;
    assign out_valid = valid[@1];
    always @@(posedge clk) begin
        segment <= reached;
        x_1 <= x;
        product <= slope * x_1;
        intercept_2 <= intercept;
        y <= result;
        valid <= rst ? @0'd0 : {valid[@2:0], in_valid};
    end
endmodule
)";

} // namespace detail

/// Writes a unit as a synthesizable module in Verilog-2001, without parameters: a comparator for each segment but the first,
/// a table of slopes and intercepts, one multiplier, one adder (the half of rounding is in the intercepts), a shift that is
/// wires, and clipping where a sum can need it. Wires are as wide as the values that occur. Equal to the unit for every
/// input.
///
/// `rst` is synchronous and clears `out_valid` only.
///
/// Panics where @p name is not an identifier, or a keyword of Verilog or SystemVerilog.
///
/// @code
/// lutra::emit_verilog(std::cout, lutra::pwl_unit{table, {8, 5}, {8, 5}}, "gelu", lutra::circuit_timing::registered);
/// @endcode
template <text_sink Sink, int N>
constexpr void emit_verilog(Sink& out, const pwl_unit<N>& unit, std::string_view name,
                            circuit_timing timing = circuit_timing::combinational) {
    using detail::put;
    using detail::put_width;
    detail::require_verilog_name(name);
    const pwl_circuit<N> c{unit};
    const bool registered = timing == circuit_timing::registered;

    put(out, "// ", name, ": a piecewise-linear function, ", c.entries, c.entries == 1 ? " segment" : " segments",
        ".\n// x: ");
    detail::put_format(out, c.input);
    put(out, "; y: ");
    detail::put_format(out, c.output);
    put(out, ", rounded to nearest, ties up, within +-", c.output.max_raw(), ".\n");
    if (registered) put(out, "// A result a clock cycle, ", registered_latency, " cycles after its input.\n");
    put(out, "// Generated by lutra: change the table, not this file.\nmodule ", name, " (\n");
    if (registered)
        put(out, "    input  wire clk,\n    input  wire rst, // synchronous, clears out_valid\n    input  wire in_valid,\n");
    put(out, "    input  wire signed ");
    put_width(out, c.input.total_bits);
    put(out, "x,\n");
    if (registered) put(out, "    output wire out_valid,\n");
    put(out, registered ? "    output reg  signed " : "    output wire signed ");
    put_width(out, c.output.total_bits);
    put(out, "y\n);\n");

    const auto wire = [&](std::string_view kind, int bits, std::string_view rest) {
        put(out, "    ", kind, " ");
        put_width(out, bits);
        put(out, rest, ";\n");
    };
    if (!registered) {
        detail::put_comparators(out, c, "segment");
        detail::put_table(out, c);
        wire("wire signed", c.products.bits(), "product = slope * x");
        detail::put_result(out, c, "intercept");
        put(out, "    assign y = result;\nendmodule\n");
        return;
    }
    put(out, "    // Cycle 1: the segment\n");
    detail::put_comparators(out, c, "reached");
    wire("reg", c.segment_bits(), "segment");
    wire("reg signed", c.input.total_bits, "x_1");
    put(out, "\n    // Cycle 2: its line, and the product\n");
    detail::put_table(out, c);
    wire("reg signed", c.products.bits(), "product");
    wire("reg signed", c.intercepts.bits(), "intercept_2");
    put(out, "\n    // Cycle 3: the sum, rounded and clipped\n");
    detail::put_result(out, c, "intercept_2");
    detail::put_pattern(out, detail::registers, registered_latency, registered_latency - 1, registered_latency - 2);
}

} // namespace lutra
