// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Whatever the reader takes has a header that a JSON library takes too, can be read tensor by tensor, and survives
// the writer.
#include "fuzz.hpp"

#include <lutra/io/safetensors.hpp>
#include <lutra/io/safetensors_writer.hpp>

#include <nlohmann/json.hpp>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = fuzz_bytes(data, size);
    const auto file = lutra::safetensors::parse({bytes.begin(), bytes.end()});
    if (!file) {
        check(!file.error().message.empty(), "an error has a sentence");
        return 0;
    }
    const auto header_size = lutra::detail::load_little_endian<std::uint64_t>(bytes.data());
    const auto* header = reinterpret_cast<const char*>(bytes.data()) + 8;
    const auto document = nlohmann::json::parse(header, header + header_size, nullptr, false);
    check(document.is_object(), "the header is JSON");
    check(document.size() == file->tensors().size() + document.count("__metadata__"), "every entry of the header was read");

    lutra::safetensors_writer writer;
    for (const auto& [key, value] : file->metadata()) {
        check(document.at("__metadata__").at(key) == value, "the strings are what JSON says");
        writer.metadata(key, value);
    }
    for (const auto& [name, info] : file->tensors()) {
        check(document.contains(name), "the names are what JSON says");
        const auto stored = file->bytes(name);
        check(stored.has_value() && stored->size() == info.elements() * lutra::dtype_size(info.type),
              "the bytes fill the shape");
        if (const auto floats = file->floats(name, info.shape))
            check(floats->size() == info.elements(), "one float an element");
        static_cast<void>(file->booleans(name));
        static_cast<void>(file->values<std::int8_t>(name));
        static_cast<void>(file->values<std::int64_t>(name, {1, 2, 3}));
        writer.add(name, info.type, info.shape, *stored);
    }
    const auto written = writer.bytes();
    check(written.has_value(), "what was read can be written");
    const auto again = lutra::safetensors::parse(*written);
    check(again.has_value() && again->metadata() == file->metadata(), "what was written can be read");
    check(again->tensors().size() == file->tensors().size(), "no tensor was lost");
    for (const auto& [name, info] : file->tensors()) {
        const auto before = *file->bytes(name), after = *again->bytes(name);
        check(again->find(name)->type == info.type && again->find(name)->shape == info.shape, "types and shapes round trip");
        check(std::equal(before.begin(), before.end(), after.begin(), after.end()), "bytes round trip");
    }
    return 0;
}
