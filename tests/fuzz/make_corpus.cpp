// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// make_corpus <folder>: writes <folder>/<reader>/<seed>, small inputs from which a fuzzer finds the rest.
#include <lutra/io/gzip.hpp>
#include <lutra/io/idx.hpp>
#include <lutra/io/safetensors_writer.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

std::filesystem::path root;

void seed(const char* reader, const std::string& name, std::span<const std::byte> bytes) {
    std::filesystem::create_directories(root / reader);
    const auto written = lutra::write_file_atomically(root / reader / name, bytes);
    if (written) return;
    const std::string message{written.error().message.view()};
    std::fprintf(stderr, "%s\n", message.c_str());
    std::exit(1);
}

std::vector<std::byte> text(std::string_view s) {
    const auto raw = std::as_bytes(std::span{s});
    return {raw.begin(), raw.end()};
}

std::vector<std::byte> joined(std::vector<std::byte> a, const std::vector<std::byte>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// A selector byte for fuzz_npy, then the head of a .npy file, as numpy.save pads it.
void npy_seed(const std::string& name, char selector, int version, std::string dictionary) {
    const std::size_t before = version == 1 ? 10 : 12;
    dictionary.append(63 - (before + dictionary.size()) % 64, ' ').append("\n");
    std::string head = std::string{selector} + "\x93NUMPY";
    head += static_cast<char>(version);
    head += '\0';
    for (std::size_t i = 0; i < before - 8; ++i) head += static_cast<char>(dictionary.size() >> (8 * i) & 0xff);
    seed("npy", name, text(head + dictionary));
}

void idx_seeds() {
    const lutra::idx_images images{std::vector<std::uint8_t>(2 * 3 * 4, 7), 2, 3, 4};
    seed("idx", "images", lutra::to_idx(images));
    seed("idx", "no_images", lutra::to_idx(lutra::idx_images{{}, 0, 28, 28}));
    seed("idx", "labels", lutra::to_idx(lutra::idx_labels{{0, 9, 5}}));
}

void safetensors_seeds() {
    lutra::safetensors_writer all, one, none;
    one.add("weight", {2, 1}, std::array{1.f, -2.f});
    all.metadata("format", "pt");
    all.metadata("\xc3\xa9\n\"", "");
    all.add("f64", {1}, std::array{1e300});
    all.add("f32", {2}, std::array{1.f, 2.f});
    all.add("f16", lutra::dtype::f16, {1}, text("ab"));
    all.add("bf16", lutra::dtype::bf16, {}, text("ab"));
    all.add("i64", {1}, std::array<std::int64_t, 1>{-1});
    all.add("i8", {1, 3}, std::array<std::int8_t, 3>{1, 2, 3});
    all.add("empty", {0, 5}, std::array<std::int32_t, 0>{});
    all.add("mask", lutra::dtype::boolean, {1}, text("\x01"));
    seed("safetensors", "one", *one.bytes());
    seed("safetensors", "all", *all.bytes());
    seed("safetensors", "none", *none.bytes());
    const std::string_view escapes = R"({"__metadata__":{"\u0041\ud83e\udda6\t":"\\\/"}})";
    seed("safetensors", "escapes", joined(text({"\x30\0\0\0\0\0\0\0", 8}), text(escapes)));
}

void gzip_seeds() {
    const auto hello = lutra::gzip(text("hello, hello, hello"));
    if (!hello) return; // a build without zlib
    seed("gzip", "hello", *hello);
    seed("gzip", "empty", *lutra::gzip({}));
    seed("gzip", "two", joined(*hello, *lutra::gzip(text("x"), 1)));
    seed("gzip", "padded", joined(*hello, std::vector<std::byte>(8)));
    seed("gzip", "bomb", *lutra::gzip(std::vector<std::byte>(1 << 20)));
}

void json_seeds() {
    seed("json", "object", text(R"({"a": [1, -2, 3.5e-2, null, true], "b": {"c": "\u00e9"}})"));
    seed("json", "twice", text(R"({"a": 1, "a": 2})"));
    seed("json", "deep", text(std::string(70, '[') + std::string(70, ']')));
}

void npy_seeds() {
    npy_seed("int16", 0, 1, "{'descr': '<i2', 'fortran_order': False, 'shape': (256, 256), }");
    npy_seed("int32", 1, 1, "{'descr': '>i4', 'fortran_order': True, 'shape': (256, 256), }");
    npy_seed("int64", 2, 2, "{'descr': '<i8', 'fortran_order': False, 'shape': (65536,), }");
    npy_seed("uint16", 12, 3, "{'descr': '<u2', 'fortran_order': False, 'shape': (256, 256), }");
    npy_seed("float", 1, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (256, 256), }");
}

/// A byte for fuzz_journal, which says how it is read, then a journal.
void journal_seeds() {
    const std::string choices = "lutra_journal 1 2 fuzz\n", rows = "lutra_journal 1 1 fuzz\n";
    seed("journal", "choices", text("\x04" + choices + "0 65535 3 : 0x1.8p+1 -0x1p-1074\n: nan inf\n7 : -inf 0x0p+0\n"));
    seed("journal", "rows", text("\x01" + rows + "-9223372036854775808 0 : 0x1.fffffffffffffp+1023\n1 2 : -0x0p+0\n"));
    seed("journal", "torn", text("\x10" + choices + "1 2 : 0x1p+0 0x1p+0\n1 3 : 0x"));
    seed("journal", "torn_header", text("\x02lutra_journal 1 2 fu"));
    seed("journal", "another", text("\x03lutra_journal 1 2 other\n"));
    seed("journal", "contradiction", text("\x05" + choices + "1 : nan nan\n1 : 0x1p+0 nan\n"));
    seed("journal", "long_line", text("\x06" + choices + std::string(300, '1')));
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: make_corpus <folder>\n");
        return 2;
    }
    root = argv[1];
    idx_seeds();
    safetensors_seeds();
    gzip_seeds();
    json_seeds();
    npy_seeds();
    journal_seeds();
}
