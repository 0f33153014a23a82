// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"

#include <lutra/io/safetensors.hpp>
#include <lutra/io/safetensors_writer.hpp>

#include <array>

using lutra::dtype;
using lutra::error_code;
using lutra::safetensors;
using lutra::safetensors_writer;

TEST_CASE("the bytes of a small file are these") {
    safetensors_writer out;
    out.add("b", {2}, std::array<std::int8_t, 2>{-1, 2});
    out.metadata("k", "v");
    const auto bytes = out.bytes();
    require_value(bytes);
    std::string expected("\x50\0\0\0\0\0\0\0", 8);
    expected += R"({"__metadata__":{"k":"v"},"b":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})";
    expected += "  \xff\x02";
    CHECK(*bytes == to_bytes(expected));
}

TEST_CASE("what is written is what is read, in every type, all tensors aligned") {
    safetensors_writer out;
    const std::vector<float> f{1, 2, 3, 4, 5, 6};
    const std::vector<std::int16_t> s{-1};
    out.add("i8", {3}, std::vector<std::int8_t>{-128, 0, 127});
    out.add("f32", {2, 3}, f);
    out.add("f64", {1}, std::array{0.5});
    out.add("i64", {1}, std::array<std::int64_t, 1>{-7});
    out.add("i32", {1}, std::array<std::int32_t, 1>{8});
    out.add("i16", {1}, std::span{s});
    out.add("u8", {1}, std::array<std::uint8_t, 1>{255});
    out.add("empty", {0, 4}, std::vector<float>{});
    out.add("scalar", {}, std::array{2.5f});
    out.add("half", dtype::f16, {1}, to_bytes(std::string_view{"\x00\x3c", 2}));
    out.add("mask", dtype::boolean, {2}, to_bytes("\x01\x01"));
    out.add("weird \"\\\n\x01 \xc3\xa9/name", {1}, std::array{1.f});
    out.metadata("a", "1");
    out.metadata("a", "2");
    const temp_folder folder;
    require_value(out.write(folder / "x.safetensors"));
    const auto in = safetensors::read(folder / "x.safetensors");
    require_value(in);
    CHECK(in->tensors().size() == 12);
    CHECK(*in->values<std::int8_t>("i8", {3}) == std::vector<std::int8_t>{-128, 0, 127});
    CHECK(*in->values<float>("f32", {2, 3}) == f);
    CHECK(*in->values<double>("f64") == std::vector<double>{0.5});
    CHECK(*in->values<std::int64_t>("i64") == std::vector<std::int64_t>{-7});
    CHECK(*in->values<std::int32_t>("i32") == std::vector<std::int32_t>{8});
    CHECK(*in->values<std::int16_t>("i16") == s);
    CHECK(*in->values<std::uint8_t>("u8") == std::vector<std::uint8_t>{255});
    CHECK(in->values<float>("empty", {0, 4})->empty());
    CHECK(*in->floats("scalar", {}) == std::vector<float>{2.5f});
    CHECK(*in->floats("half") == std::vector<float>{1});
    CHECK(*in->booleans("mask") == std::vector<std::uint8_t>{1, 1});
    CHECK(in->find("weird \"\\\n\x01 \xc3\xa9/name") != nullptr);
    CHECK(in->metadata().size() == 1);
    CHECK(in->metadata().at("a") == "2");
    for (const auto& [name, info] : in->tensors()) CHECK(info.begin % lutra::dtype_size(info.type) == 0);
    CHECK((lutra::read_file(folder / "x.safetensors")->size() - in->find("u8")->end) % 8 == 0);
}

TEST_CASE("the order of adding does not show") {
    safetensors_writer a, b;
    a.add("x", {1}, std::array{1.f});
    a.add("y", {1}, std::array<std::int8_t, 1>{1});
    a.metadata("p", "1");
    a.metadata("q", "2");
    b.metadata("q", "2");
    b.metadata("p", "1");
    b.add("y", {1}, std::array<std::int8_t, 1>{1});
    b.add("x", {1}, std::array{1.f});
    CHECK(*a.bytes() == *b.bytes());
    CHECK(safetensors::parse(*safetensors_writer{}.bytes())->tensors().empty());
}

TEST_CASE("a file that could not be read is not written") {
    const temp_folder folder;
    const auto with = [&](std::string name, std::string key = "k", std::string value = "v") {
        safetensors_writer out;
        out.add("t", {1}, std::array{1.f});
        out.add(std::move(name), {1}, std::array{1.f});
        out.metadata(std::move(key), std::move(value));
        return out.write(folder / "x");
    };
    CHECK(with("u").has_value());
    require_error(with("t"), error_code::malformed, "x: the header has 't' twice");
    require_error(with("__metadata__"), error_code::malformed, "the header has '__metadata__' twice");
    require_error(with("\xff"), error_code::malformed, "not UTF-8");
    require_error(with("u", "\xff"), error_code::malformed, "not UTF-8");
    require_error(with("u", "k", "\xc0\x80"), error_code::malformed, "not UTF-8");
    CHECK(safetensors::read(folder / "x")->find("u") != nullptr); // the first file is still there
    safetensors_writer out;
    REQUIRE_PANIC(out.add("t", {2}, std::array{1.f}), bad_shape);
    REQUIRE_PANIC(out.add("t", dtype::f16, {2}, to_bytes("123")), bad_shape);
    REQUIRE_PANIC(out.add("t", dtype::u8, {std::size_t{1} << 63, 2}, {}), overflow);
    require_error(out.write(folder.path / "no" / "x"), error_code::io, "cannot write beside it");
    require_error(safetensors::read(folder / "y"), error_code::io, "y: cannot open it");
    write_plain(folder / "z", to_bytes("garbage!"));
    require_error(safetensors::read(folder / "z"), error_code::malformed, "z: the header's length is");
}
