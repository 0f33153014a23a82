// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/io/detail/load.hpp>
#include <lutra/io/detail/safetensors_header.hpp>
#include <lutra/io/file.hpp>

namespace lutra {

/// Collects tensors and strings and writes them as one safetensors file. The same content gives the same bytes in whatever
/// order it was added: tensors with larger elements come first and then by name, so that all are aligned, and the header
/// is padded with spaces to a multiple of 8 bytes.
///
/// @code
/// lutra::safetensors_writer out;
/// out.metadata("format", "lutra");
/// out.add("head.weight", {10, 64}, weight); // a std::vector<float>, a std::span<const std::int8_t>, ...
/// const lutra::status written = out.write("vit.safetensors");
/// @endcode
class safetensors_writer {
public:
    /// Adds a copy of @p data: the elements as they are stored, little-endian and row-major. Panics where @p shape and @p
    /// type ask for another number of bytes.
    void add(std::string name, dtype type, tensor_shape shape, std::span<const std::byte> data) {
        const auto wanted = detail::tensor_bytes(shape, type);
        require(wanted.has_value(), panic_code::overflow, "the bytes of a tensor must be countable in 64 bits");
        require(*wanted == data.size(), panic_code::bad_shape, "a tensor's data must have the bytes that its shape asks for",
                static_cast<long long>(data.size()), static_cast<long long>(*wanted));
        tensors_.push_back({std::move(name), type, std::move(shape), {data.begin(), data.end()}});
    }

    /// Adds a copy of @p values, contiguous elements of a lutra::stored_element. Panics where @p shape asks for another
    /// number.
    template <class Range>
    requires requires(const Range& r) { std::span{r}; }
    void add(std::string name, tensor_shape shape, const Range& values) {
        const std::span elements{values};
        using element = typename decltype(elements)::value_type;
        static_assert(stored_element<element>,
                      "the elements must be double, float, std::int64_t, std::int32_t, std::int16_t, "
                      "std::int8_t or std::uint8_t; give other types as a dtype and bytes");
        std::vector<std::byte> data;
        detail::store_little_endian(data, std::span<const element>{elements});
        add(std::move(name), dtype_of<element>, std::move(shape), data);
    }

    /// Sets the string @p key of `__metadata__`.
    void metadata(std::string key, std::string value) { metadata_.insert_or_assign(std::move(key), std::move(value)); }

    /// The bytes of the file. Errors: `malformed` or `mismatch` where a name occurs twice, is "__metadata__", or a string is
    /// not UTF-8; `wrong_size` for a header beyond the format's limit.
    [[nodiscard]] result<std::vector<std::byte>> bytes() const;

    /// Writes the file at @p path whole or not at all. Errors: those of bytes and of lutra::write_file_atomically.
    [[nodiscard]] status write(const std::filesystem::path& path) const {
        const auto content = bytes();
        if (!content) return detail::in_file(path.string(), content.error());
        return write_file_atomically(path, *content);
    }

private:
    struct tensor {
        std::string name;
        dtype type;
        tensor_shape shape;
        std::vector<std::byte> data;
    };
    std::vector<tensor> tensors_;
    detail::metadata_map metadata_;
};

namespace detail {

/// Appends @p s to @p out as a JSON string.
LUTRA_INLINE void append_json_string(std::string& out, std::string_view s) {
    out += '"';
    for (const char c : s) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += "\\u00";
            out += hex(static_cast<unsigned char>(c), 2).view().substr(2);
        } else {
            out += c;
        }
    }
    out += '"';
}

} // namespace detail

LUTRA_INLINE result<std::vector<std::byte>> safetensors_writer::bytes() const {
    std::vector<const tensor*> order;
    for (const tensor& t : tensors_) order.push_back(&t);
    std::sort(order.begin(), order.end(), [](const tensor* a, const tensor* b) {
        const std::size_t x = dtype_size(a->type), y = dtype_size(b->type);
        return x != y ? x > y : a->name < b->name;
    });

    std::string header{"{"};
    auto separate = [&header, first = true]() mutable {
        if (!std::exchange(first, false)) header += ',';
    };
    if (!metadata_.empty()) {
        separate();
        header += "\"__metadata__\":";
        char before = '{';
        for (const auto& [key, value] : metadata_) {
            header += std::exchange(before, ',');
            detail::append_json_string(header, key);
            header += ':';
            detail::append_json_string(header, value);
        }
        header += '}';
    }
    std::size_t at = 0;
    for (const tensor* t : order) {
        separate();
        detail::append_json_string(header, t->name);
        header.append(":{\"dtype\":\"").append(dtype_name(t->type)).append("\",\"shape\":[");
        for (std::size_t d = 0; d < t->shape.size(); ++d)
            header.append(d > 0 ? "," : "").append(std::to_string(t->shape[d]));
        header.append("],\"data_offsets\":[").append(std::to_string(at)).append(",");
        at += t->data.size();
        header.append(std::to_string(at)).append("]}");
    }
    header += '}';

    // Reading the header back finds every name that the format cannot carry, by the rules that a reader will apply.
    if (const auto check = detail::parse_safetensors_header(header); !check) return check.error();
    header.append((8 - header.size() % 8) % 8, ' ');
    if (header.size() > safetensors_max_header_bytes)
        return detail::fault(error_code::wrong_size, 0, "the header of the safetensors file would have ", header.size(),
                             " bytes; at most ", safetensors_max_header_bytes, " are allowed");

    const std::array<std::uint64_t, 1> length{header.size()};
    std::vector<std::byte> out;
    out.reserve(8 + header.size() + at);
    detail::store_little_endian(out, std::span<const std::uint64_t>{length});
    const auto text = std::as_bytes(std::span{header});
    out.insert(out.end(), text.begin(), text.end());
    for (const tensor* t : order) out.insert(out.end(), t->data.begin(), t->data.end());
    return out;
}

} // namespace lutra
