// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train/model_file.hpp reads and writes files; firmware takes its model from a header."
#endif

#include <lutra/io/safetensors.hpp>
#include <lutra/io/safetensors_writer.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/vit_parameters.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

/// @file
/// ViT models as safetensors files: the parameters under timm's names, the configuration in `__metadata__`. A file that
/// timm wrote has no configuration: what the shapes tell is taken from them, the rest from `vit_overrides`.

namespace lutra {

/// The tensor of a model file that holds the scales of its activations (activation_scales order).
inline constexpr std::string_view activation_scales_name = "lutra.activation_scales";

/// A network's shape and its parameters in the order of vit_parameters.
struct vit_model {
    vit_config config;
    std::vector<float> values;

    /// Views of the values, which must stay where they are.
    [[nodiscard]] vit_parameters<const float> parameters() const& { return {config, values}; }
    vit_parameters<const float> parameters() && = delete;
};

/// What the caller knows better than the file; each entry wins over the file.
struct vit_overrides {
    std::optional<std::uint32_t> heads{}, image_height{}, image_width{};
    std::optional<float> layer_norm_epsilon{};
    std::optional<std::array<float, 4>> input_mean{}, input_std{};
};

namespace detail {

/// Calls f(key, field) for each field of a config that the metadata holds: the one list of them.
template <class Config, class F>
void for_each_config_field(Config& c, F&& f) {
    f("vit.image_height", c.image_height);
    f("vit.image_width", c.image_width);
    f("vit.channels", c.channels);
    f("vit.patch", c.patch);
    f("vit.dim", c.dim);
    f("vit.depth", c.depth);
    f("vit.heads", c.heads);
    f("vit.mlp", c.mlp);
    f("vit.classes", c.classes);
    f("vit.attention", c.attention);
    f("vit.activation", c.activation);
    f("vit.layer_norm_epsilon", c.layer_norm_epsilon);
    for (std::size_t i = 0; i < c.channels && i < c.input_mean.size(); ++i) {
        f((text<24>{"vit.input_mean."} << i).view(), c.input_mean[i]);
        f((text<24>{"vit.input_std."} << i).view(), c.input_std[i]);
    }
}

/// What a field is written as: the number of an enumerator, or itself.
template <class T>
using number_of = typename std::conditional_t<std::is_enum_v<T>, std::underlying_type<T>, std::type_identity<T>>::type;

/// The shortest text that reads back as @p value.
template <class T>
[[nodiscard]] std::string shortest(T value) {
    std::array<char, 64> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<number_of<T>>(value)).ptr;
    return {digits.data(), end};
}

/// The config that the tensors' shapes tell; heads follow timm's models: 64 channels each.
[[nodiscard]] LUTRA_INLINE result<vit_config> config_from_shapes(const safetensors& file) {
    vit_config c;
    const auto shape_of = [&](std::string_view name, std::size_t rank) -> result<tensor_shape> {
        const tensor_info* info = file.find(name);
        if (info == nullptr)
            return fault(error_code::missing, 0, "the file has no tensor '", name, "': not a ViT under timm's names");
        if (info->shape.size() != rank)
            return fault(error_code::mismatch, 0, "tensor '", name, "' has ", info->shape.size(), " dimensions; expected ",
                         rank);
        for (const std::size_t extent : info->shape)
            if (extent == 0 || extent > (1u << 16))
                return fault(error_code::mismatch, 0, "tensor '", name, "' has a dimension of ", extent,
                             "; expected 1 to 65536");
        return info->shape;
    };
    const auto patch = shape_of("patch_embed.proj.weight", 4);
    if (!patch) return patch.error();
    const auto positions = shape_of("pos_embed", 3);
    if (!positions) return positions.error();
    const auto hidden = shape_of("blocks.0.mlp.fc1.weight", 2);
    if (!hidden) return hidden.error();
    const auto head = shape_of("head.weight", 2);
    if (!head) return head.error();
    const auto narrow = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
    c.dim = narrow((*patch)[0]);
    c.channels = narrow((*patch)[1]);
    c.patch = narrow((*patch)[2]);
    c.mlp = narrow((*hidden)[0]);
    c.classes = narrow((*head)[0]);
    c.distilled = file.find("dist_token") != nullptr;
    c.depth = 0;
    while (file.find((text<64>{} << "blocks." << c.depth << ".norm1.weight").view()) != nullptr) ++c.depth;
    c.heads = c.dim % 64 == 0 ? c.dim / 64 : 1;
    const std::size_t patches = (*positions)[1] - std::min(c.prefix_tokens(), (*positions)[1]);
    std::uint32_t side = 1;
    while (std::size_t{side} * side < patches) ++side;
    c.image_height = c.image_width = side * c.patch;
    return c;
}

} // namespace detail

/// The number that the metadata of @p file holds under @p key. Errors: `missing`, `malformed`.
template <class T>
[[nodiscard]] result<T> metadata_number(const safetensors& file, std::string_view key) {
    const auto at = file.metadata().find(key);
    if (at == file.metadata().end()) return detail::fault(error_code::missing, 0, "the file's metadata has no '", key, "'");
    const std::string& written = at->second;
    detail::number_of<T> value{};
    const auto [end, fault_code] = std::from_chars(written.data(), written.data() + written.size(), value);
    if (fault_code != std::errc{} || end != written.data() + written.size())
        return detail::fault(error_code::malformed, 0, "metadata '", key, "' is '", detail::shown(written),
                             "'; expected a number",
                             std::is_unsigned_v<detail::number_of<T>> ? " that is whole and not negative" : "");
    return static_cast<T>(value);
}

/// The configuration of the ViT in @p file: from the shapes, then its metadata, then @p overrides. Without metadata the
/// image is square and a head has 64 channels (or is the only one). Errors: missing or mismatch where the shapes are no
/// ViT's or contradict the depth; malformed metadata; those of lutra::check.
[[nodiscard]] LUTRA_INLINE result<vit_config> read_vit_config(const safetensors& file, const vit_overrides& overrides = {}) {
    auto config = detail::config_from_shapes(file);
    if (!config) return config;
    const std::uint32_t depth = config->depth;
    std::optional<error> first;
    detail::for_each_config_field(*config, [&]<class T>(std::string_view key, T& field) {
        if (first || file.metadata().find(key) == file.metadata().end()) return;
        if (const auto value = metadata_number<T>(file, key))
            field = *value;
        else
            first = value.error();
    });
    if (first) return *first;
    if (config->depth != depth)
        return detail::fault(error_code::mismatch, 0, "metadata 'vit.depth' is ", config->depth, "; the file has ", depth,
                             " blocks");
    if (overrides.heads) config->heads = *overrides.heads;
    if (overrides.image_height) config->image_height = *overrides.image_height;
    if (overrides.image_width) config->image_width = *overrides.image_width;
    if (overrides.layer_norm_epsilon) config->layer_norm_epsilon = *overrides.layer_norm_epsilon;
    if (overrides.input_mean) config->input_mean = *overrides.input_mean;
    if (overrides.input_std) config->input_std = *overrides.input_std;
    if (const auto valid = check(*config); !valid) return valid.error();
    return config;
}

/// The ViT in @p file. Errors: those of read_vit_config; a missing tensor, a wrong shape or type, or a value that is not
/// finite, each with the tensor's name. No more memory is taken than the file's size justifies.
[[nodiscard]] LUTRA_INLINE result<vit_model> read_vit(const safetensors& file, const vit_overrides& overrides = {}) {
    const auto config = read_vit_config(file, overrides);
    if (!config) return config.error();
    std::uint64_t stored = 0;
    for (const auto& [name, info] : file.tensors()) stored += info.end - info.begin;
    const std::size_t count = vit_parameters<float>::count(*config);
    if (count > stored)
        return detail::fault(error_code::mismatch, 0, "the configuration asks for ", count, " parameters; the file holds ",
                             stored, " bytes of tensors");
    vit_model model{*config, std::vector<float>(count)};
    std::optional<error> first;
    vit_parameters<float>{model.config, model.values}.for_each(
        [&](std::string_view name, std::span<float> values, parameter_shape shape) {
            if (first) return;
            const auto read = file.floats(name, tensor_shape(shape.begin(), shape.end()));
            if (read)
                std::copy(read->begin(), read->end(), values.begin());
            else
                first = read.error();
        });
    if (first) return *first;
    return model;
}

/// Reads a ViT from the safetensors file at @p path. Errors: also those of safetensors::read; each with the path.
[[nodiscard]] LUTRA_INLINE result<vit_model> read_vit(const std::filesystem::path& path,
                                                      const vit_overrides& overrides = {}) {
    const auto file = safetensors::read(path);
    if (!file) return file.error();
    auto model = read_vit(*file, overrides);
    if (!model) return detail::in_file(path.string(), model.error());
    return model;
}

/// The scales of the activations that are stored in @p file, in the order of activation_scales, as int8_vit takes them.
/// Errors: `missing` where the model was not calibrated, `mismatch` where there is another number of them than @p config
/// asks for, `not_finite`, `wrong_type`; `malformed` for one that is not positive, with its index.
///
/// @code
/// const auto scales = lutra::read_activation_scales(file, model.config);
/// if (!scales) return scales.error();
/// @endcode
[[nodiscard]] LUTRA_INLINE result<std::vector<float>> read_activation_scales(const safetensors& file,
                                                                             const vit_config& config) {
    auto scales = file.floats(activation_scales_name, {activation_scales<float>::count(config)});
    if (!scales) return scales;
    for (std::size_t i = 0; i < scales->size(); ++i)
        if (!((*scales)[i] > 0))
            return detail::fault(error_code::malformed, 0, "element ", i, " of tensor '", activation_scales_name, "' is ",
                                 detail::shortest((*scales)[i]), "; expected a positive scale");
    return scales;
}

/// Adds a ViT's parameters and configuration to a file that is being written.
///
/// @code
/// lutra::safetensors_writer out;
/// lutra::add_vit(out, trainer.parameters());
/// out.add(std::string{lutra::activation_scales_name}, {scales.size()}, scales);
/// if (const auto written = out.write("vit.safetensors"); !written) return written.error();
/// @endcode
LUTRA_INLINE void add_vit(safetensors_writer& out, const vit_parameters<const float>& p) {
    out.metadata("format", "pt"); // what loaders of PyTorch models look for
    detail::for_each_config_field(
        p.config(), [&](std::string_view key, auto value) { out.metadata(std::string{key}, detail::shortest(value)); });
    p.for_each([&](std::string_view name, std::span<const float> values, parameter_shape shape) {
        out.add(std::string{name}, tensor_shape(shape.begin(), shape.end()), values);
    });
}

} // namespace lutra
