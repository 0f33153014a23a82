// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"

#include <lutra/codesign/accelerator_file.hpp>

#include <string>

namespace {

lutra::result<lutra::accelerator_config> from(std::string_view text) {
    const auto document = lutra::parse_json(std::as_bytes(std::span{text}));
    REQUIRE(document.has_value());
    return lutra::accelerator_from(*document);
}
void refused(std::string_view text, lutra::error_code code, std::string_view words) {
    const auto r = from(text);
    REQUIRE(!r.has_value());
    INFO(std::string{r.error().message.view()});
    CHECK(r.error().code == code);
    CHECK(r.error().message.view().find(words) != std::string_view::npos);
}

} // namespace

TEST_CASE("accelerator_from: presets, and what changes them") {
    CHECK(std::get<lutra::tiled_config>(*from(R"({"type": "tiled"})")) == lutra::acceltran_edge);
    CHECK(std::get<lutra::tiled_config>(*from(R"({"type": "tiled", "preset": "server"})")) == lutra::acceltran_server);
    CHECK(std::get<lutra::systolic_config>(*from(R"({"type": "systolic"})")) == lutra::scale_sim_32);
    CHECK(std::get<lutra::row_wise_config>(*from(R"({"type": "row_wise"})")) == lutra::low_power_vit);
    const auto c = std::get<lutra::tiled_config>(*from(
        R"({"type": "tiled", "lanes": 32, "memory": "rram_16_2_2", "order": "k_i_j_b", "activation": "relu",
            "weight_mb": 16.5, "stochastic_rounding": true, "schedule": "equal_priority", "megahertz": 500})"));
    lutra::tiled_config expected = lutra::acceltran_edge;
    expected.lanes = 32, expected.memory = lutra::acceltran_memories[0], expected.order = *lutra::loop_order::from("kijb");
    expected.activation = lutra::lane_function::relu, expected.weight_mb = 16.5, expected.stochastic_rounding = true;
    expected.schedule = lutra::tiled_schedule::equal_priority;
    expected.costs = expected.costs.moved_to({"14 nm", 14, 0.8, 500}); // the same energy a cycle
    CHECK(c == expected);
    CHECK(std::get<lutra::systolic_config>(*from(R"({"type": "systolic", "dataflow": "input_stationary"})")).dataflow ==
          lutra::systolic_dataflow::input_stationary);
    CHECK(std::get<lutra::tiled_config>(*from(R"({"type": "tiled", "activation": "pwl"})")).activation ==
          lutra::lane_function::pwl);
}

TEST_CASE("accelerator_from: a memory for weights, a layout of data, a node") {
    const auto tiled = std::get<lutra::tiled_config>(*from(
        R"({"type": "tiled", "weight_memory": "rram_32_2_1", "weight_memory_bandwidth": 2925.7,
            "weight_memory_write": 20.7})"));
    lutra::tiled_config expected = lutra::acceltran_edge;
    expected.weight_memory = lutra::acceltran_memories[4], expected.weight_memory_bandwidth = 2925.7;
    expected.weight_memory_write = 20.7;
    CHECK(tiled == expected);
    refused(R"({"type": "tiled", "weight_memory": "rram_32_2_1"})", lutra::error_code::malformed, "expected both above 0");

    const auto systolic = std::get<lutra::systolic_config>(
        *from(R"({"type": "systolic", "layout": "row_major", "burst_bytes": 32, "node": "28 nm"})"));
    lutra::systolic_config rows = lutra::scale_sim_32;
    rows.layout = lutra::data_layout::row_major, rows.burst_bytes = 32, rows.node = lutra::node_28nm;
    CHECK(systolic == rows);
    refused(R"({"type": "systolic", "layout": "tiles"})", lutra::error_code::wrong_type,
            "expected one of ideal, block_wise, row_major");

    expected = lutra::acceltran_edge, expected.costs = expected.costs.moved_to(lutra::node_28nm);
    CHECK(std::get<lutra::tiled_config>(*from(R"({"type": "tiled", "node": "28 nm"})")) == expected);
    expected.costs = lutra::acceltran_14nm.moved_to({"28 nm", 7, 0.7, 1200});
    CHECK(std::get<lutra::tiled_config>(
              *from(R"({"type": "tiled", "megahertz": 1200, "nanometres": 7, "node": "28 nm", "volts": 0.7})")) == expected);
    refused(R"({"type": "tiled", "node": "5 nm"})", lutra::error_code::wrong_type,
            "'node' is \"5 nm\"; expected 14 nm, 28 nm or 45 nm");
    refused(R"({"type": "tiled", "volts": 0})", lutra::error_code::malformed, "costs.node.volts is 0");
    refused(R"({"type": "row_wise", "nanometres": -1})", lutra::error_code::malformed, "node.nanometres is -1");
}

TEST_CASE("accelerator_from: refuses with a sentence what cannot be") {
    using enum lutra::error_code;
    refused("[1]", wrong_type, "is of type array");
    refused("{}", missing, "has no 'type'; expected tiled, systolic or row_wise");
    refused(R"({"type": 3})", wrong_type, "'type' is of type number");
    refused(R"({"type": "gpu"})", unknown_name, "'gpu' is not known; expected tiled, systolic or row_wise");
    refused(R"({"type": "tiled", "preset": "phone"})", unknown_name, "'phone' is not known; expected edge or server");
    refused(R"({"type": "systolic", "preset": "edge"})", unknown_name, "expected none");
    refused(R"({"type": "tiled", "lane": 3})", unknown_name, "'lane' is no field of this accelerator; expected tile_batch");
    refused(R"({"type": "tiled", "lanes": 0})", wrong_size, "tiled_config: lanes is 0; expected 1 to 4096");
    refused(R"({"type": "tiled", "lanes": -3})", wrong_type, "'lanes' is -3; expected a whole number from 0 to 4294967295");
    refused(R"({"type": "tiled", "lanes": 4294967296})", wrong_type, "'lanes' is 4294967296; expected a whole number");
    refused(R"({"type": "tiled", "lanes": 2.5})", wrong_type, "'lanes' is 2.5");
    refused(R"({"type": "tiled", "weight_mb": "big"})", wrong_type, "'weight_mb' is \"big\"; expected a finite number");
    refused(R"({"type": "tiled", "weight_mb": 1e12})", malformed, "weight_mb");
    refused(R"({"type": "tiled", "weight_mb": 0})", malformed,
            "tiled_config: weight_mb is 0; expected a finite number above 0");
    refused(R"({"type": "tiled", "order": "b_i_j_j"})", malformed, "'b_i_j_j' is no permutation");
    refused(R"({"type": "tiled", "order": 3})", wrong_type, "'order' is 3; expected a permutation");
    refused(R"({"type": "tiled", "memory": "dram"})", wrong_type, "'memory' is \"dram\"; expected one of rram_16_2_2");
    refused(R"({"type": "tiled", "stochastic_rounding": 1})", wrong_type, "expected true or false");
    refused(R"({"type": "systolic", "rows": 0})", wrong_size, "rows is 0");
    refused(R"({"type": "row_wise", "skipping": "all"})", wrong_type, "expected one of none, steps, fetches");
    CHECK(!lutra::read_accelerator("no/such/file.json").has_value());
}

TEST_CASE("to_json: a report with its components and passes") {
    const lutra::operation product{.m = 64, .n = 64, .k = 64, .rhs = {.cls = lutra::tensor_class::weight}};
    const auto r = lutra::tiled{}.simulate({{&product, 1}, {}});
    REQUIRE(r.has_value());
    const nlohmann::json j = lutra::to_json(*r);
    CHECK(j["cycles"] == r->cycles);
    CHECK(j["passes"]["forward"]["cycles"] == r->cycles);
    CHECK(j["components"].size() == r->components().size());
    double energy = 0;
    for (const auto& c : j["components"]) energy += c["dynamic_nj"].get<double>() + c["leakage_nj"].get<double>();
    CHECK(energy == Approx(j["energy_nj"].get<double>()));
}
