// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/workload.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <array>
#include <limits>
#include <string>
#include <vector>

using namespace lutra;

namespace {

constexpr operand weight8{.cls = tensor_class::weight};

// One attention head's worth: two linear layers, scores, softmax.
constexpr auto small_network() {
    workload_buffer<8> b;
    const auto q =
        b.add({.label = "attn.q", .m = 4, .n = 8, .k = 16, .rhs = weight8, .mac = {.power = 0.5}, .multiplier = "half"});
    const auto k = b.add({.label = "attn.k", .m = 4, .n = 8, .k = 16, .rhs = weight8, .mac = {.power = 0.25}});
    const auto scores = b.add({.label = "attn.scores", .layer = 1, .batch = 2, .m = 4, .n = 4, .k = 4, .rhs = {}}, {q, k});
    b.add({.kind = operation_kind::softmax, .label = "attn.softmax", .layer = 1, .batch = 2, .m = 4, .n = 4}, {scores});
    return b;
}
constexpr auto network = small_network();
static_assert(network.view().macs() == 512 + 512 + 128);
static_assert(network.view().operations[2].rhs_elements() == 2 * 4 * 4 &&
              network.view().operations[0].rhs_elements() == 16 * 8);
static_assert(network.view().dependencies_of(2)[1] == 1 && network.view().dependencies_of(0).empty());
static_assert(validate(network.view()).has_value());

constexpr bool is_linear(const operation& op) { return op.rhs.cls == tensor_class::weight; }

std::string fault(const workload& w) {
    const auto s = validate(w);
    return s ? "" : std::string{s.error().message.view()};
}
error_code code_of(const operation& op, std::span<const std::uint32_t> dependencies = {}) {
    return validate(workload{{&op, 1}, dependencies}).error().code;
}

} // namespace

TEST_CASE("relative power weighs each multiplier by its multiply-accumulates") {
    const workload w = network.view();
    CHECK(w.relative_power() == Approx((512 * 0.5 + 512 * 0.25 + 128 * 1.0) / 1152));
    CHECK(w.relative_power(is_linear) == Approx(0.375));
    CHECK(w.macs(is_linear) == 1024);
    REQUIRE_PANIC(w.relative_power([](const operation& op) { return op.kind == operation_kind::softmax; }), empty);
    REQUIRE_PANIC(workload{}.relative_power(), empty);
}

TEST_CASE("the sizes of an operation's tensors, by kind") {
    operation op{.batch = 3, .m = 5, .n = 7, .k = 11, .rhs = weight8};
    CHECK(op.macs() == 3 * 5 * 7 * 11);
    CHECK(op.elements() == 3 * 5 * 7);
    CHECK(op.lhs_elements() == 3 * 5 * 11);
    CHECK(op.rhs_elements() == 11 * 7);
    op.rhs.cls = tensor_class::gradient;
    CHECK(op.rhs_elements() == 3 * 11 * 7);
    op.lhs.skipped = 0.5, op.rhs.skipped = 0.25;
    CHECK(op.executed_macs() == Approx(0.375 * 1155));
    for (const auto kind : {operation_kind::elementwise, operation_kind::softmax, operation_kind::layer_norm,
                            operation_kind::load, operation_kind::store}) {
        op.kind = kind;
        CHECK(op.macs() == 0);
        CHECK(op.executed_macs() == 0);
        CHECK(op.lhs_elements() == 105);
        CHECK(op.rhs_elements() == 105);
    }
    op.kind = operation_kind::reduction;
    op.rhs = no_operand;
    CHECK(op.lhs_elements() == 3 * 5 * 7 * 11);
    CHECK(op.rhs_elements() == 0);
}

TEST_CASE("a builder fills the caller's memory and refuses what does not fit") {
    std::array<operation, 3> operations;
    std::vector<std::uint32_t> dependencies(2);
    workload_builder b{operations, dependencies};
    const auto first = b.add({.label = "a"});
    const std::array both{first};
    const auto second = b.add({.label = "b"}, std::span<const std::uint32_t>{both});
    CHECK(second == 1);
    REQUIRE_PANIC(b.add({}, {2}), bad_argument); // itself
    REQUIRE_PANIC(b.add({}, {7}), bad_argument);
    REQUIRE_PANIC(b.add({}, {0, 1}), out_of_range); // a third dependency
    CHECK(b.add({.label = "c"}, {1}) == 2);
    REQUIRE_PANIC(b.add({}), out_of_range);
    CHECK(b.size() == 3);
    CHECK(validate(b.view()));
    CHECK(b.view().operations[1].label == "b");
    CHECK(b.view().dependencies_of(2)[0] == 1);
    b.clear();
    CHECK(b.view().operations.empty());
    CHECK(b.add({}) == 0);
}

TEST_CASE("a buffer is a value") {
    auto copy = network;
    copy.add({.label = "more"}, {3});
    CHECK(copy.size() == 5);
    CHECK(network.size() == 4);
    CHECK(copy.view().operations.data() != network.view().operations.data());
    workload_buffer<1, 0> tiny;
    REQUIRE_PANIC(tiny.add({}, {0}), out_of_range);
    tiny.add({});
    REQUIRE_PANIC(tiny.add({}), out_of_range);
    REQUIRE_PANIC(network.view().dependencies_of(4), out_of_range);
    REQUIRE_PANIC(network.view().dependencies_of(operation{.first_dependency = 3, .dependency_count = 1}), out_of_range);
}

TEST_CASE("validation names the first fault") {
    CHECK(fault({}) == "");
    const operation forward{.label = "mlp", .first_dependency = 0, .dependency_count = 1};
    const std::array<std::uint32_t, 1> itself{0};
    CHECK(fault({{&forward, 1}, itself}) == "operation 0 (mlp) depends on operation 0; expected an earlier one");
    CHECK(fault({{&forward, 1}, {}}) == "operation 0 (mlp) has dependencies up to 1; expected at most 0");
    CHECK(code_of({.first_dependency = 0xffffffff, .dependency_count = 0xffffffff}, itself) == error_code::mismatch);
    CHECK(code_of({.batch = 1u << 31, .m = 1u << 31, .n = 4}) == error_code::wrong_size);
    CHECK(validate(workload{std::array{operation{.batch = 1u << 31, .m = 1u << 31, .n = 3}}, {}}));
    CHECK(code_of({.lhs = {.bits = 65}}) == error_code::malformed);
    CHECK(code_of({.rhs = {.sparsity = 1.01}}) == error_code::malformed);
    CHECK(code_of({.out = {.skipped = -0.1}}) == error_code::malformed);
    CHECK(code_of({.out = {.sparsity = std::numeric_limits<double>::quiet_NaN()}}) == error_code::malformed);
    CHECK(code_of({.mac = {.power = -1}}) == error_code::malformed);
    CHECK(code_of({.mac = {.delay = std::numeric_limits<double>::infinity()}}) == error_code::malformed);
}
