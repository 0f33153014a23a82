// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// emit_units <folder>: all that is emitted of the tested units, for round_trip.cmake.

#include "emitted_units.hpp"

#include <lutra/nonlinear/emit_c.hpp>
#include <lutra/nonlinear/emit_test_bench.hpp>
#include <lutra/nonlinear/emit_truth_table.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: emit_units <folder>\n", stderr);
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    bool good = true;
    const auto write = [&](const std::string& name, auto&& emit) {
        std::ofstream out(folder / name);
        emit(out);
        good &= out.good();
    };
    for_each_emitted_unit([&](const std::string& name, const auto& unit) {
        write(name + ".h", [&](std::ostream& out) { lutra::emit_c(out, unit, name); });
        write(name + "_vectors.mem", [&](std::ostream& out) { lutra::emit_test_vectors(out, unit); });
        write(name + "_check.c", [&](std::ostream& out) {
            out << "#include \"" << name << ".h\"\n#define UNIT " << name << "\n#define VECTORS \"" << name
                << "_vectors.mem\"\n#define INPUT_BITS " << unit.input.total_bits << "\n#define OUTPUT_BITS "
                << unit.output.total_bits << "\n";
            if (unit.input.total_bits == 8 && unit.output.total_bits == 8) out << "#define LOOK_UP " << name << "_int8\n";
            out << "#include \"emitted_check.h\"\n";
        });
        if (unit.input.total_bits <= 12) {
            const std::string table = name + "_truth_table";
            write(table + ".v", [&](std::ostream& out) { lutra::emit_truth_table(out, unit, table); });
            write(table + "_test.v", [&](std::ostream& out) { lutra::emit_test_bench(out, unit, table); });
        }
        for (const auto timing : {lutra::circuit_timing::combinational, lutra::circuit_timing::registered}) {
            const std::string circuit = name + (timing == lutra::circuit_timing::registered ? "_registered" : "");
            write(circuit + ".v", [&](std::ostream& out) { lutra::emit_verilog(out, unit, circuit, timing); });
            write(circuit + "_test.v", [&](std::ostream& out) { lutra::emit_test_bench(out, unit, circuit, timing); });
        }
    });
    return good ? 0 : 1;
}
