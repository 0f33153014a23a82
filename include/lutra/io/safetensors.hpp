// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/io/detail/load.hpp>
#include <lutra/io/detail/safetensors_header.hpp>
#include <lutra/io/file.hpp>

#include <cmath>

namespace lutra {

/// A safetensors file in memory: named tensors and a map of strings. Everything is checked when it is parsed: the
/// header's types, every shape against its bytes, and that the tensors cover the data without a hole or an overlap.
/// (The format: https://github.com/huggingface/safetensors, section "Format".)
///
/// @code
/// const auto file = lutra::safetensors::read("vit.safetensors");
/// if (!file) return file.error();
/// const auto weight = file->floats("head.weight", {10, 64});
/// @endcode
class safetensors {
public:
    /// Takes the bytes of a whole file. Errors: `truncated`, `wrong_size`, `malformed`, `missing`, `mismatch` or
    /// `wrong_type` with the name of the tensor at fault.
    [[nodiscard]] static result<safetensors> parse(std::vector<std::byte> bytes);

    /// Reads the file at @p path. Errors: those of lutra::read_file and of parse, with the path.
    [[nodiscard]] static result<safetensors> read(const std::filesystem::path& path,
                                                  std::uint64_t max_bytes = default_max_bytes) {
        auto bytes = read_file(path, max_bytes);
        if (!bytes) return bytes.error();
        auto parsed = parse(*std::move(bytes));
        if (!parsed) return detail::in_file(path.string(), parsed.error());
        return parsed;
    }

    /// All tensors, by name.
    [[nodiscard]] const std::map<std::string, tensor_info, std::less<>>& tensors() const noexcept { return tensors_; }
    /// The strings of `__metadata__`.
    [[nodiscard]] const std::map<std::string, std::string, std::less<>>& metadata() const noexcept { return metadata_; }
    /// What the file says of tensor @p name; null where it has none.
    [[nodiscard]] const tensor_info* find(std::string_view name) const {
        const auto at = tensors_.find(name);
        return at == tensors_.end() ? nullptr : &at->second;
    }

    /// The bytes of tensor @p name as they are stored: little-endian, row-major, perhaps not aligned. They live as long as
    /// this object. Error: `missing`.
    [[nodiscard]] result<std::span<const std::byte>> bytes(std::string_view name) const {
        const tensor_info* info = find(name);
        if (info == nullptr) return missing(name);
        return stored(*info);
    }

    /// Tensor @p name, stored exactly as T. Errors: `missing`; `wrong_type` with both types.
    template <stored_element T>
    [[nodiscard]] result<std::vector<T>> values(std::string_view name) const {
        const tensor_info* info = find(name);
        if (info == nullptr) return missing(name);
        if (info->type != dtype_of<T>) return wrong_type(name, *info, dtype_name(dtype_of<T>));
        return detail::load_elements<T>(stored(*info));
    }
    /// The same, of a given shape. Errors: also `mismatch` with both shapes.
    template <stored_element T>
    [[nodiscard]] result<std::vector<T>> values(std::string_view name, const tensor_shape& expected) const {
        if (const auto shape = check_shape(name, expected); !shape) return shape.error();
        return values<T>(name);
    }

    /// Tensor @p name as floats, stored as F32, F16, BF16 or F64 (rounded to nearest). Errors: `missing`; `wrong_type`;
    /// `not_finite` with the index and the value of the first element that is NaN, infinite or beyond float.
    [[nodiscard]] result<std::vector<float>> floats(std::string_view name) const;
    /// The same, of a given shape. Errors: also `mismatch` with both shapes.
    [[nodiscard]] result<std::vector<float>> floats(std::string_view name, const tensor_shape& expected) const {
        if (const auto shape = check_shape(name, expected); !shape) return shape.error();
        return floats(name);
    }

    /// Tensor @p name, stored as BOOL: 0 or 1 an element. Errors: `missing`; `wrong_type`; `malformed` for another byte.
    [[nodiscard]] result<std::vector<std::uint8_t>> booleans(std::string_view name) const;

    /// Checks that there is a tensor @p name of shape @p expected. Errors: `missing`; `mismatch` with both shapes.
    [[nodiscard]] status check_shape(std::string_view name, const tensor_shape& expected) const {
        const tensor_info* info = find(name);
        if (info == nullptr) return missing(name);
        if (info->shape == expected) return ok();
        return detail::fault(error_code::mismatch, 0, "tensor '", detail::shown(name), "' has shape ",
                             detail::shown_shape(info->shape), "; expected ", detail::shown_shape(expected));
    }

private:
    safetensors() = default;

    [[nodiscard]] std::span<const std::byte> stored(const tensor_info& info) const {
        return std::span{bytes_}.subspan(data_begin_ + static_cast<std::size_t>(info.begin),
                                         static_cast<std::size_t>(info.end - info.begin));
    }
    [[nodiscard]] error missing(std::string_view name) const {
        error e = detail::fault(error_code::missing, 0, "there is no tensor '", detail::shown(name), "'; the file has ",
                                tensors_.size());
        std::size_t listed = 0;
        for (const auto& [known, info] : tensors_) {
            if (listed == 4) break;
            e.message << (listed++ == 0 ? ", such as '" : ", '") << detail::shown<40>(known) << "'";
        }
        return e;
    }
    [[nodiscard]] static error wrong_type(std::string_view name, const tensor_info& info, std::string_view expected) {
        return detail::fault(error_code::wrong_type, 0, "tensor '", detail::shown(name), "' is ", dtype_name(info.type),
                             "; expected ", expected);
    }

    std::vector<std::byte> bytes_;
    std::size_t data_begin_ = 0;
    detail::tensor_map tensors_;
    detail::metadata_map metadata_;
};

LUTRA_INLINE result<safetensors> safetensors::parse(std::vector<std::byte> bytes) {
    if (bytes.size() < 8)
        return detail::fault(error_code::truncated, bytes.size(),
                             "a safetensors file starts with the header's length, 8 bytes; "
                             "got ",
                             bytes.size());
    const auto header_bytes = detail::load_little_endian<std::uint64_t>(bytes.data());
    if (header_bytes > safetensors_max_header_bytes)
        return detail::fault(error_code::malformed, 0, "the header's length is ", header_bytes, "; at most ",
                             safetensors_max_header_bytes, " is allowed");
    if (header_bytes > bytes.size() - 8)
        return detail::fault(error_code::truncated, bytes.size(), "the header's length is ", header_bytes, " and only ",
                             bytes.size() - 8, " bytes follow");
    const auto json = std::span<const std::byte>{bytes}.subspan(8, static_cast<std::size_t>(header_bytes));
    if (json.empty() || json[0] != std::byte{'{'})
        return detail::fault(error_code::malformed, 8, "the header does not start with '{': not a safetensors file");
    auto header = detail::parse_safetensors_header({reinterpret_cast<const char*>(json.data()), json.size()});
    if (!header) {
        error e = header.error();
        e.offset += 8;
        return e;
    }
    safetensors file;
    file.data_begin_ = 8 + json.size();
    if (const auto layout = detail::check_layout(header->tensors, bytes.size() - file.data_begin_); !layout) {
        error e = layout.error();
        e.offset += file.data_begin_;
        return e;
    }
    file.bytes_ = std::move(bytes);
    file.tensors_ = std::move(header->tensors);
    file.metadata_ = std::move(header->metadata);
    return file;
}

LUTRA_INLINE result<std::vector<float>> safetensors::floats(std::string_view name) const {
    const tensor_info* info = find(name);
    if (info == nullptr) return missing(name);
    const auto converted = [data = stored(*info)]<class Stored>(Stored, auto to_float) {
        std::vector<float> out(data.size() / sizeof(Stored));
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = to_float(detail::load_little_endian<Stored>(data.data() + i * sizeof(Stored)));
        return out;
    };
    std::vector<float> out;
    switch (info->type) {
    case dtype::f32: out = detail::load_elements<float>(stored(*info)); break;
    case dtype::f64: out = converted(double{}, &detail::float_from_double); break;
    case dtype::f16: out = converted(std::uint16_t{}, &float_from_half); break;
    case dtype::bf16: out = converted(std::uint16_t{}, &float_from_bfloat16); break;
    default: return wrong_type(name, *info, "F32, F16, BF16 or F64");
    }
    const auto bad = std::find_if(out.begin(), out.end(), [](float x) { return !std::isfinite(x); });
    if (bad == out.end()) return out;
    const auto index = static_cast<std::size_t>(bad - out.begin());
    return detail::fault(error_code::not_finite, data_begin_ + info->begin + index * dtype_size(info->type), "element ",
                         index, " of tensor '", detail::shown(name), "' is ",
                         std::isnan(*bad) ? "NaN"
                         : *bad < 0       ? "-infinity"
                                          : "infinity",
                         " as a float; expected a finite number");
}

LUTRA_INLINE result<std::vector<std::uint8_t>> safetensors::booleans(std::string_view name) const {
    const tensor_info* info = find(name);
    if (info == nullptr) return missing(name);
    if (info->type != dtype::boolean) return wrong_type(name, *info, dtype_name(dtype::boolean));
    auto out = detail::load_elements<std::uint8_t>(stored(*info));
    const auto bad = std::find_if(out.begin(), out.end(), [](std::uint8_t x) { return x > 1; });
    if (bad == out.end()) return out;
    const auto index = static_cast<std::size_t>(bad - out.begin());
    return detail::fault(error_code::malformed, data_begin_ + info->begin + index, "element ", index, " of tensor '",
                         detail::shown(name), "' is ", *bad, "; expected 0 or 1");
}

} // namespace lutra
