// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <string_view>

/// @file
/// Names that emitted text may define.

namespace lutra::detail {

/// The reserved words of C99 and C++20, a space around each.
inline constexpr std::string_view c_keywords =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl "
    "concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do "
    "double dynamic_cast else enum explicit export extern false float for friend goto if inline int long main mutable "
    "namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast "
    "requires "
    "restrict return short signed sizeof static static_assert static_cast struct switch template this thread_local throw "
    "true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq ";

/// The functions of C99's <math.h> and <stdlib.h>, a space around each: compilers know their types.
inline constexpr std::string_view c_functions =
    " abort abs acos acosh asin asinh atan atan2 atanh atexit atof atoi atol atoll bsearch calloc cbrt ceil copysign cos "
    "cosh "
    "div erf erfc exit exp exp2 expm1 fabs fdim floor fma fmax fmin fmod free frexp getenv hypot ilogb labs ldexp ldiv "
    "lgamma llabs lldiv llrint llround log log10 log1p log2 logb lrint lround malloc mblen modf nan nearbyint nextafter "
    "nexttoward pow qsort rand realloc remainder remquo rint round scalbln scalbn sin sinh sqrt srand strtod strtof strtol "
    "strtold strtoll strtoul strtoull system tan tanh tgamma trunc ";

/// The reserved words of Verilog (IEEE 1364-2001) and of SystemVerilog (IEEE 1800-2017), a space around each.
inline constexpr std::string_view verilog_keywords =
    " accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins "
    "binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const "
    "constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge "
    "else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule "
    "endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect "
    "export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global highz0 "
    "highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input inside "
    "instance int integer interconnect interface intersect join join_any join_none large let liblist library local "
    "localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor "
    "noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program "
    "property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase "
    "randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 "
    "s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled signed small "
    "soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on "
    "sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand "
    "trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void "
    "wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor ";

/// Whether @p word is one of @p list.
[[nodiscard]] constexpr bool is_listed(std::string_view word, std::string_view list) noexcept {
    for (std::size_t at = list.find(word); at != std::string_view::npos; at = list.find(word, at + 1))
        if (list[at - 1] == ' ' && list[at + word.size()] == ' ') return true;
    return false;
}

} // namespace lutra::detail

namespace lutra {

/// Whether @p name is a letter followed by letters, digits and underscores, 63 characters at most. (Both languages take a
/// leading underscore; C reserves it.)
[[nodiscard]] constexpr bool is_identifier(std::string_view name) noexcept {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (name.empty() || name.size() > 63 || !letter(name.front())) return false;
    for (const char c : name)
        if (!letter(c) && !(c >= '0' && c <= '9') && c != '_') return false;
    return true;
}

/// Whether a C header, or a C++ program that includes it, can define @p name.
[[nodiscard]] constexpr bool is_c_name(std::string_view name) noexcept {
    return is_identifier(name) && name.find("__") == std::string_view::npos &&
           !detail::is_listed(name, detail::c_keywords) && !detail::is_listed(name, detail::c_functions);
}
/// Whether a Verilog file can define a module @p name.
[[nodiscard]] constexpr bool is_verilog_name(std::string_view name) noexcept {
    return is_identifier(name) && !detail::is_listed(name, detail::verilog_keywords);
}

} // namespace lutra

namespace lutra::detail {

constexpr void require_c_name(std::string_view name) {
    require(is_c_name(name), panic_code::bad_argument,
            "an emitted C function needs a name of 1 to 63 letters, digits and single underscores that begins with a letter "
            "and is no keyword of C or C++ and no function of C's library; its length follows",
            static_cast<long long>(name.size()), 63);
}
constexpr void require_verilog_name(std::string_view name) {
    require(
        is_verilog_name(name), panic_code::bad_argument,
        "an emitted Verilog module needs a name of 1 to 63 letters, digits and underscores that begins with a letter and "
        "is no keyword of Verilog or SystemVerilog; its length follows",
        static_cast<long long>(name.size()), 63);
}

} // namespace lutra::detail
