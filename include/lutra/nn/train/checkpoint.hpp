// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/trainer.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// @file
/// Checkpoints: all that a trainer needs to go on bit for bit, as safetensors. A checkpoint is a model file as well, and
/// says in its metadata which run it belongs to.

namespace lutra {

inline constexpr std::string_view training_run_name = "training.run";   ///< metadata: the run, as its program describes it
inline constexpr std::string_view training_step_name = "training.step"; ///< metadata: steps done

/// Writes the state of @p trainer to @p path, whole or not at all. @p run describes what the result depends on and the
/// state does not hold: the options, the data. Errors: those of safetensors_writer::write.
///
/// @code
/// if (const auto written = lutra::write_checkpoint("vit.checkpoint", trainer, run); !written) return written.error();
/// @endcode
template <class Pass>
[[nodiscard]] status write_checkpoint(const std::filesystem::path& path, vit_trainer<Pass>& trainer, std::string_view run) {
    const auto& state = trainer.state();
    safetensors_writer out;
    add_vit(out, trainer.parameters());
    out.metadata(std::string{training_run_name}, std::string{run});
    out.metadata(std::string{training_step_name}, std::to_string(state.step));
    const tensor_shape flat{state.first.size()};
    out.add("training.first_moment", flat, state.first);
    out.add("training.second_moment", flat, state.second);
    return out.write(path);
}

/// Reads what write_checkpoint wrote into @p trainer, which keeps its own state on any error: those of safetensors::read and
/// read_vit; `mismatch` where the checkpoint is of another run or of another network; a step that is missing or no number,
/// moments that are missing or have another size, a value of them that is not finite, a second moment below 0.
template <class Pass>
[[nodiscard]] status read_checkpoint(const std::filesystem::path& path, vit_trainer<Pass>& trainer, std::string_view run) {
    const std::string name = path.string();
    const auto file = safetensors::read(path);
    if (!file) return file.error();
    const auto told = file->metadata().find(training_run_name);
    if (told == file->metadata().end())
        return detail::in_file(
            name, detail::fault(error_code::missing, 0, "the metadata has no '", training_run_name, "': not a checkpoint"));
    if (told->second != run)
        return detail::in_file(name, detail::fault(error_code::mismatch, 0, "the checkpoint is of another run (",
                                                   detail::shown(told->second), "); expected (", detail::shown(run), ")"));
    auto model = read_vit(*file);
    if (!model) return detail::in_file(name, model.error());
    if (model->config != trainer.config())
        return detail::in_file(
            name, detail::fault(error_code::mismatch, 0, "the checkpoint is of a network of another config; it has ",
                                model->values.size(), " parameters, the trainer's has ", trainer.state().parameters.size()));
    const auto step = metadata_number<std::uint64_t>(*file, training_step_name);
    if (!step) return detail::in_file(name, step.error());
    const tensor_shape flat{model->values.size()};
    std::vector<float> moments[2];
    for (std::size_t which = 0; which < 2; ++which) {
        const std::string_view tensor = which == 0 ? "training.first_moment" : "training.second_moment";
        auto values = file->floats(tensor, flat);
        if (!values) return detail::in_file(name, values.error());
        for (std::size_t i = 0; which == 1 && i < values->size(); ++i)
            if (const float v = (*values)[i]; v < 0)
                return detail::in_file(name, detail::fault(error_code::malformed, 0, "element ", i, " of tensor '", tensor,
                                                           "' is ", detail::shortest(v), "; expected a mean of squares"));
        moments[which] = std::move(*values);
    }
    auto& state = trainer.state();
    state.parameters = std::move(model->values);
    state.first = std::move(moments[0]);
    state.second = std::move(moments[1]);
    state.step = *step;
    return ok();
}

} // namespace lutra
