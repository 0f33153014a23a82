// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/io/detail/json_reader.hpp>
#include <lutra/io/tensor_info.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lutra {

/// The longest header of a safetensors file: 100 MB, the limit of the format's own reader.
inline constexpr std::uint64_t safetensors_max_header_bytes = 100'000'000;

} // namespace lutra

namespace lutra::detail {

using tensor_map = std::map<std::string, tensor_info, std::less<>>;
using metadata_map = std::map<std::string, std::string, std::less<>>;

/// What the JSON of a safetensors header says. No document is built: whatever the format does not have at a place, deep
/// nesting included, ends the parse there.
struct safetensors_header {
    tensor_map tensors;
    metadata_map metadata;
};

/// Takes the value of a tensor's field @p index (0 dtype, 1 shape, 2 data_offsets) into @p info.
[[nodiscard]] inline bool take_field(json_reader& json, std::size_t index, std::string_view where, tensor_info& info) {
    if (index == 0) {
        std::string type_name;
        if (!json.string(type_name, where)) return false;
        const auto type = dtype_from_name(type_name);
        if (!type) return json.fail(error_code::wrong_type, where, " has the unknown dtype '", shown(type_name), "'");
        info.type = *type;
        return true;
    }
    if (!json.expect('[', where)) return false;
    if (index == 2)
        return json.unsigned_integer(info.begin, where) && json.expect(',', where) &&
               json.unsigned_integer(info.end, where) && json.expect(']', where);
    for (bool more = !json.take(']'); more;) {
        std::uint64_t size = 0;
        if (!json.unsigned_integer(size, where)) return false;
        if (!std::in_range<std::size_t>(size))
            return json.fail(error_code::malformed, where, " has a dimension of ", size, ", beyond this machine's memory");
        info.shape.push_back(static_cast<std::size_t>(size));
        if (!json.next(']', where, more)) return false;
    }
    return true;
}

/// Takes one tensor's object into @p info and checks its shape against its bytes.
[[nodiscard]] inline bool take_tensor(json_reader& json, std::string_view name, tensor_info& info) {
    constexpr std::array<std::string_view, 3> fields{"dtype", "shape", "data_offsets"};
    const auto where = text<64>{"tensor '"} << shown(name) << "'";
    unsigned seen = 0;
    std::string field;
    if (!json.expect('{', where)) return false;
    for (bool more = !json.take('}'); more;) {
        if (!json.string(field, where)) return false;
        const auto index = static_cast<std::size_t>(std::find(fields.begin(), fields.end(), field) - fields.begin());
        if (index == fields.size())
            return json.fail(error_code::malformed, where, " has the unknown field '", shown(field),
                             "'; expected dtype, shape and data_offsets");
        if ((seen >> index & 1u) != 0) return json.fail(error_code::malformed, where, " has ", field, " twice");
        seen |= 1u << index;
        if (!json.expect(':', where) || !take_field(json, index, where, info) || !json.next('}', where, more)) return false;
    }
    for (std::size_t i = 0; i < fields.size(); ++i)
        if ((seen >> i & 1u) == 0) return json.fail(error_code::missing, where, " has no ", fields[i]);
    if (info.begin > info.end)
        return json.fail(error_code::malformed, where, " begins at byte ", info.begin, " of the data and ends before, at ",
                         info.end);
    const auto bytes = tensor_bytes(info.shape, info.type);
    if (!bytes)
        return json.fail(error_code::malformed, "the bytes of ", where, ", shape ", shown_shape(info.shape),
                         ", overflow 64 bits");
    if (*bytes != info.end - info.begin)
        return json.fail(error_code::mismatch, where, ", ", dtype_name(info.type), " of shape ", shown_shape(info.shape),
                         ", has ", info.end - info.begin, " bytes; expected ", *bytes);
    return true;
}

/// Takes the object of strings into @p metadata.
[[nodiscard]] inline bool take_metadata(json_reader& json, metadata_map& metadata) {
    constexpr std::string_view where = "__metadata__";
    std::string key, value;
    if (!json.expect('{', where)) return false;
    for (bool more = !json.take('}'); more;) {
        if (!json.string(key, where) || !json.expect(':', where) || !json.string(value, where)) return false;
        if (!metadata.emplace(key, value).second)
            return json.fail(error_code::malformed, where, " has '", shown(key), "' twice");
        if (!json.next('}', where, more)) return false;
    }
    return true;
}

/// Parses the JSON @p text of a header; error offsets count its bytes.
[[nodiscard]] LUTRA_INLINE result<safetensors_header> parse_safetensors_header(std::string_view text) {
    constexpr std::string_view where = "the header", metadata_name = "__metadata__";
    json_reader json{text};
    safetensors_header header;
    bool has_metadata = false;
    std::string name;
    if (!json.expect('{', where)) return json.error();
    for (bool more = !json.take('}'); more;) {
        if (!json.string(name, where) || !json.expect(':', where)) return json.error();
        if (name == metadata_name ? std::exchange(has_metadata, true) : header.tensors.contains(name)) {
            json.fail(error_code::malformed, where, " has '", shown(name), "' twice");
            return json.error();
        }
        if (name == metadata_name) {
            if (!take_metadata(json, header.metadata)) return json.error();
        } else {
            tensor_info info;
            if (!take_tensor(json, name, info)) return json.error();
            header.tensors.emplace(name, std::move(info));
        }
        if (!json.next('}', where, more)) return json.error();
    }
    if (!json.end()) {
        json.fail(error_code::malformed, "text follows the header's object");
        return json.error();
    }
    return header;
}

/// Checks that @p tensors cover @p data_bytes bytes without a hole or an overlap, as the format demands.
[[nodiscard]] LUTRA_INLINE status check_layout(const tensor_map& tensors, std::uint64_t data_bytes) {
    std::vector<const tensor_map::value_type*> order;
    order.reserve(tensors.size());
    for (const auto& t : tensors) order.push_back(&t);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
        return std::pair{a->second.begin, a->second.end} < std::pair{b->second.begin, b->second.end};
    });
    std::uint64_t covered = 0;
    std::string_view before;
    for (const auto* t : order) {
        const auto& [name, info] = *t;
        if (info.end > data_bytes)
            return fault(error_code::truncated, data_bytes, "tensor '", shown(name), "' ends at byte ", info.end,
                         " of the data, of which there are ", data_bytes);
        if (info.begin < covered)
            return fault(error_code::malformed, info.begin, "tensor '", shown(name), "' begins at byte ", info.begin,
                         " of the data, inside tensor '", shown(before), "', which ends at ", covered);
        if (info.begin > covered)
            return fault(error_code::malformed, covered, "no tensor covers bytes ", covered, " to ", info.begin,
                         " of the data, before tensor '", shown(name), "'");
        covered = info.end;
        before = name;
    }
    if (covered != data_bytes)
        return fault(error_code::wrong_size, covered, "the tensors end at byte ", covered,
                     " of the data, of which there are ", data_bytes);
    return ok();
}

} // namespace lutra::detail
