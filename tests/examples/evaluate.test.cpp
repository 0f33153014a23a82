// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/io/json.hpp>
#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/table.hpp>

#include <memory>

namespace {

template <class Entry>
std::vector<std::byte> table_bytes(const lutra::table_multiplier& table, bool by_value) {
    std::vector<std::byte> bytes;
    for (int row = 0; row < 256; ++row)
        for (int col = 0; col < 256; ++col) {
            const auto bits = [&](int i) { return static_cast<std::uint8_t>(by_value ? i - 128 : i); };
            const auto value = static_cast<Entry>(table.at(bits(row), bits(col)));
            for (std::size_t b = 0; b < sizeof(Entry); ++b)
                bytes.push_back(static_cast<std::byte>(static_cast<std::uint32_t>(value) >> (8 * b)));
        }
    return bytes;
}

nlohmann::json evaluate(const scratch_folder& folder, const std::string& arguments) {
    const std::string json = folder / "out.json";
    const auto r = run(std::string{LUTRA_EVALUATE} + " --model " + folder / "tiny.safetensors" + " --limit 40 --json " +
                       json + " " + arguments);
    INFO(r.output);
    REQUIRE(r.status == 0);
    return *lutra::read_json(json);
}

} // namespace

TEST_CASE("evaluate reports every built-in multiplier, the exact one first") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    const nlohmann::json report = evaluate(folder, "");
    CHECK(report.at("images") == 40);
    REQUIRE(report.at("results").size() == lutra::builtin_multipliers::size);
    const auto& exact = report.at("results").at(0);
    CHECK(exact.at("multiplier") == "exact");
    CHECK(exact.at("relative_power") == 1.0);
    CHECK(exact.at("mae_percent") == 0.0);
    CHECK(exact.at("accuracy") == report.at("int8_accuracy"));
    for (const auto& r : report.at("results")) {
        CHECK(r.at("accuracy").get<double>() == Approx(r.at("correct").get<double>() / 40));
        CHECK(r.at("relative_power").is_number());
        CHECK(r.at("images_per_second").get<double>() > 0);
    }
    CHECK(report.at("float_accuracy").is_number());
}

TEST_CASE("evaluate runs the network of integers") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    const auto floats = evaluate(folder, "--multiplier drum4"),
               integers = evaluate(folder, "--multiplier drum4 --non-linear integer");
    CHECK(floats.at("non_linear") == "float");
    CHECK(integers.at("non_linear") == "integer");
    CHECK(floats.at("int8_accuracy") == integers.at("int8_accuracy"));
    CHECK(floats.at("integer_accuracy") == integers.at("integer_accuracy"));
    CHECK(integers.at("results").at(0).at("accuracy") == integers.at("integer_accuracy"));
}

TEST_CASE("one circuit by name and by file gives the same answers") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    const auto table = std::make_unique<lutra::table_multiplier>();
    table->fill_from<lutra::drum<3>>();
    write_bytes(folder / "bits16.bin", table_bytes<std::int16_t>(*table, false));
    write_bytes(folder / "value32.bin", table_bytes<std::int32_t>(*table, true));
    const auto both = evaluate(folder, "--multiplier drum3 --multiplier " + folder / "bits16.bin");
    REQUIRE(both.at("results").size() == 3);
    const auto& by_name = both.at("results").at(1);
    const auto& by_file = both.at("results").at(2);
    CHECK(by_name.at("correct") == by_file.at("correct"));
    CHECK(by_file.at("relative_power").is_null());
    CHECK(by_file.at("mae_percent") == by_name.at("mae_percent"));
    const auto by_value = evaluate(folder, "--table-order value --power 0.5 --multiplier " + folder / "value32.bin");
    CHECK(by_value.at("results").at(1).at("correct") == by_name.at("correct"));
    CHECK(by_value.at("results").at(1).at("relative_power").get<double>() < 1);
}

TEST_CASE("evaluate does not depend on the number of threads or on the batch") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    const std::string some = "--multiplier mitchell --attention-multiplier drum4 ";
    const auto one = evaluate(folder, some + "--threads 1"), many = evaluate(folder, some + "--threads 3 --batch 7");
    for (std::size_t i = 0; i < 2; ++i)
        CHECK(one.at("results").at(i).at("correct") == many.at("results").at(i).at("correct"));
    CHECK(one.at("float_accuracy") == many.at("float_accuracy"));
}
