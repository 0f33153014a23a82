// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <string>
#include <string_view>

namespace {

program_result fit(const std::string& arguments) { return run(std::string{LUTRA_FIT} + " " + arguments); }

bool says(const program_result& r, std::string_view words) {
    UNSCOPED_INFO(r.output);
    return r.output.find(words) != std::string::npos;
}
void require_refused(const std::string& arguments, const std::vector<std::string>& words) {
    const auto r = fit(arguments);
    INFO(arguments);
    CHECK(r.status == 2);
    CHECK(says(r, "error: "));
    for (const std::string& word : words) CHECK(says(r, word));
}
std::string read(const std::string& path) {
    const auto bytes = *lutra::read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

TEST_CASE("fit prints the errors, the table and the errors of each scale") {
    const auto r = fit("");
    CHECK(r.status == 0);
    for (const std::string_view words :
         {"gelu, 8 entries of q2.6, breakpoints q4.12, 800 points of [-4, 4)", "optimal by mse: MSE 2.7714359e-05",
          "from x =        slope", "     2.42993            1            0         0", "        2^-5          256",
          "average"})
        CHECK(says(r, words));
    // The upper end counts among the inputs of a scale.
    CHECK(says(fit("--function hswish --scales 2:4"), "129 points of [-4, 4]"));
    CHECK(says(fit("--function div --max-exponent 3 --objective max"), "350 points of [0.5, 4)\noptimal by max"));
}

TEST_CASE("fit searches genetically, the same for a seed") {
    const auto mse = [](const program_result& r) {
        const auto at = r.output.find("genetic by mse: MSE ");
        REQUIRE(at != std::string::npos);
        return std::stod(r.output.substr(at + 20));
    };
    const auto one = fit("--method genetic --seed 1"), again = fit("--method genetic --seed 1"),
               squares = fit("--method genetic --seed 1 --lines squares");
    CHECK(one.status == 0);
    CHECK(mse(one) == mse(again));
    CHECK(mse(one) < 7.21e-5); // GQA-LUT's
    CHECK(mse(squares) < 3e-5);
    CHECK(mse(squares) >= 2.7714358e-05);
    const auto shared = fit("--method genetic --seed 1 --scales 0:6");
    CHECK(mse(shared) < 9.97e-5); // GQA-LUT's tables, at their best
    CHECK(says(shared, "average"));
}

TEST_CASE("fit knows every function") {
    for (const std::string name :
         {"gelu", "gelu_tanh", "hswish", "silu", "sigmoid", "tanh", "exp", "div", "rsqrt", "softplus"}) {
        const auto r = fit("--points 10 --format q4.12 --entries 4 --function " + name);
        CHECK(r.status == 0);
        CHECK(says(r, name + ", 4 entries"));
    }
}

TEST_CASE("fit writes the unit that it fitted") {
    const scratch_folder folder;
    const auto emit = [&](const std::string& kind, const std::string& file) {
        const auto r = fit("--points 20 --emit " + kind + " --output " + folder / file);
        CHECK(r.status == 0);
        CHECK(says(r, file + ": 'gelu_8', q3.5 to q3.5, 8 segments; 256 inputs in the range: MSE "));
        return read(folder / file);
    };
    CHECK(emit("c", "gelu.h").find("static inline int8_t gelu_8_int8(int8_t x) {") != std::string::npos);
    CHECK(emit("verilog", "gelu.v").find("module gelu_8 (") != std::string::npos);
    CHECK(emit("verilog --registered", "gelu_r.v").find("input  wire clk") != std::string::npos);
    CHECK(emit("truth_table", "gelu_t.v").find("8'h80: y = 8'h") != std::string::npos);
    CHECK(emit("testbench", "gelu_test.v").find("module gelu_8_test;") != std::string::npos);
    CHECK(emit("mem", "gelu.mem").starts_with("// 8 words"));
    const auto vectors = emit("vectors", "gelu_8_vectors.mem");
    CHECK(vectors.starts_with("80_0"));
    CHECK(vectors.size() == 256 * 6);
    CHECK(fit("--emit c --name my_gelu --input q4.12 --result q2.6 --output " + folder / "my.h").status == 0);
    const auto c = read(folder / "my.h");
    CHECK(c.find("int32_t my_gelu(int32_t x)") != std::string::npos);
    CHECK(c.find("Input: 16 bits in steps of 2^-12; output: 8 bits in steps of 2^-6") != std::string::npos);
}

TEST_CASE("fit draws, or says that gnuplot is missing") {
    const scratch_folder folder;
    const std::string arguments = "--points 20 --plot " + folder / "gelu.svg";
    if (run("command -v gnuplot").status == 0) {
        const auto r = fit(arguments);
        CHECK(r.status == 0);
        CHECK(says(r, "gelu.svg: drawn"));
        const auto svg = read(folder / "gelu.svg");
        CHECK(svg.find("<svg") != std::string::npos);
        CHECK(svg.find("</svg>") != std::string::npos);
    }
    const auto r = run("PATH=/nowhere " LUTRA_FIT " " + arguments + "2.svg");
    CHECK(r.status == 2);
    CHECK(says(r, "error: --plot needs gnuplot"));
    CHECK_FALSE(std::filesystem::exists(folder / "gelu.svg2.svg"));
}

TEST_CASE("fit refuses bad input in a sentence") {
    const scratch_folder folder;
    require_refused("--function swish", {"'swish'", "hswish", "softplus"});
    require_refused("--format q2", {"--format", "'q2'", "q2.6"});
    require_refused("--format q30.6", {"q30.6"});
    require_refused("--input 3.5", {"--input", "'3.5'"});
    require_refused("--max-exponent 9 --format q20.8", {"32 bits"});
    require_refused("--scales 6", {"--scales", "'6'", "0:6"});
    require_refused("--scales 6:0", {"ascending"});
    require_refused("--range 4:-4", {"below"});
    require_refused("--range 4:x", {"'4:x'"});
    require_refused("--range -1000:1000", {"200000", "2048"});
    require_refused("--range 0:0.05", {"--entries is 8", "5 points"});
    require_refused("--function div --range 0:4", {"finite"});
    require_refused("--function div", {"slope", "outside of its format", "max_exponent"});
    require_refused("--emit c", {"--output"});
    require_refused("--output " + folder / "x.h", {"--emit"});
    require_refused("--registered", {"--registered"});
    require_refused("--emit c --name exp --output " + folder / "x.h", {"'exp'"});
    require_refused("--emit verilog --name 8gelu --output " + folder / "x.v", {"'8gelu'"});
    require_refused("--emit verilog --output " + folder / "no/such/x.v", {"x.v"});
    require_refused("--emit c --result q2.20 --output " + folder / "x.h", {"fraction bits"});
    require_refused("--emit truth_table --input q4.12 --output " + folder / "x.v", {"at most 12 bits", "16"});
    require_refused("--method genetic --scales 1:6", {"--scales", "0:7"});
    require_refused("--method genetic --objective max", {"--objective", "optimal"});
    require_refused("--plot gelu.pdf", {".pdf"});
    CHECK(fit("--entries 0").status == 2);
    CHECK(fit("--entries 33").status == 2);
}
