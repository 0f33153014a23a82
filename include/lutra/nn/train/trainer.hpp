// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/executor.hpp>
#include <lutra/core/random.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/train/float_pass.hpp>
#include <lutra/nn/train/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <string_view>
#include <vector>

namespace lutra {

/// How to train.
struct training_options {
    std::uint32_t epochs = 40, batch = 128;     ///< passes over the images; images a step
    float peak_rate = 2e-3f, last_rate = 1e-5f; ///< learning rates of the cosine schedule
    float warmup_epochs = 2;                    ///< of linear rise to peak_rate
    float label_smoothing = 0.1f;               ///< the share of the target that is spread over all classes
    float clip_norm = 1.0f;                     ///< of the whole gradient; 0: no clipping
    std::uint32_t max_shift = 2;                ///< augmentation: pixels in each direction, zeros shifted in
    bool flip = true;                           ///< augmentation: mirror left and right, half the time
    std::uint64_t seed = 1;                     ///< of initialisation, order and augmentation
    adamw_options adamw{};
    float distillation = 0; ///< the share of the loss that compares with the teacher, where there is one
    float temperature = 2;  ///< of that comparison

    friend constexpr bool operator==(const training_options&, const training_options&) = default;
};

/// What a step did.
struct step_report {
    double loss = 0;          ///< mean cross entropy, smoothed labels, before the step
    std::size_t correct = 0;  ///< of the batch, before the step
    double gradient_norm = 0; ///< before clipping
    float rate = 0;           ///< the learning rate
};

/// Mirrors (half the time, if asked) and shifts an image of 8-bit pixels, channel-major: pixel (y, x) of @p out is
/// (y + dy, x' + dx) of @p image, or 0 outside, where x' is x or its mirror image. @p random decides: one number for the
/// mirror, if asked, then dy, then dx.
LUTRA_INLINE void augment(const vit_config& c, const training_options& o, random_generator& random,
                          std::span<const std::uint8_t> image, std::span<std::uint8_t> out) {
    const bool mirror = o.flip && (random() >> 63) != 0;
    const auto reach = static_cast<std::int64_t>(o.max_shift);
    const std::int64_t dy = random.between(-reach, reach), dx = random.between(-reach, reach);
    const auto height = static_cast<std::int64_t>(c.image_height), width = static_cast<std::int64_t>(c.image_width);
    for (std::int64_t ch = 0; ch < static_cast<std::int64_t>(c.channels); ++ch)
        for (std::int64_t y = 0; y < height; ++y)
            for (std::int64_t x = 0; x < width; ++x) {
                const std::int64_t fy = y + dy, fx = (mirror ? width - 1 - x : x) + dx;
                const bool inside = fy >= 0 && fy < height && fx >= 0 && fx < width;
                out[static_cast<std::size_t>((ch * height + y) * width + x)] =
                    inside ? image[static_cast<std::size_t>((ch * height + fy) * width + fx)] : std::uint8_t{0};
            }
}

/// Fills the parameters of a new network: Xavier-uniform matrices (Glorot and Bengio, 2010), positions from N(0, 0.02^2)
/// (Box and Muller, 1958), layer norms 1, everything else 0. The same numbers for the same seed, up to the rounding of the
/// system's log and cos.
LUTRA_INLINE void initialize(const vit_parameters<float>& p, std::uint64_t seed) {
    random_generator random{seed};
    p.for_each([&](std::string_view name, std::span<float> values, parameter_shape shape) {
        const std::size_t outputs = *shape.begin(), inputs = values.size() / outputs;
        const double reach = std::sqrt(6.0 / static_cast<double>(inputs + outputs));
        for (float& v : values) {
            if (is_weight_matrix(shape)) {
                v = static_cast<float>(reach * (2 * random.unit() - 1));
            } else if (name == "pos_embed") {
                const double radius = 0.02 * std::sqrt(-2 * std::log(1 - random.unit()));
                v = static_cast<float>(radius * std::cos(2 * std::numbers::pi * random.unit()));
            } else {
                v = name.ends_with("weight") ? 1.0f : 0.0f;
            }
        }
    });
}

inline namespace LUTRA_ISA {

/// Trains a ViT in float with AdamW on 8-bit images. A batch is cut into shards of a fixed size whose gradients are added in
/// order, so the result depends on the seed and not on the number of workers. @tparam Pass how the gradient is computed
///
/// @code
/// lutra::vit_trainer<> trainer{config, options};
/// const std::uint64_t per_epoch = trainer.steps_per_epoch(labels.size());
/// for (std::uint64_t epoch = 0; epoch < options.epochs; ++epoch) {
///     const auto order = trainer.order(labels.size(), epoch);
///     for (std::size_t first = 0; first < order.size(); first += options.batch)
///         trainer.step(executor, pixels, labels,
///                      std::span{order}.subspan(first, std::min<std::size_t>(options.batch, order.size() - first)),
///                      options.epochs * per_epoch, epoch);
/// }
/// @endcode
template <training_pass Pass = float_pass<>>
class vit_trainer {
public:
    static constexpr std::size_t shard_images = 16;

    /// The state that a checkpoint must keep; a trainer of the same config and options that is given it goes on bit for bit.
    struct training_state {
        std::vector<float> parameters, first, second; ///< parameters and both moments, in the order of vit_parameters
        std::uint64_t step = 0;                       ///< steps done
    };

    /// A new network, initialised. Panics unless `check` accepts @p config and a batch has an image.
    vit_trainer(const vit_config& config, const training_options& options, const Pass& pass = {})
        : config_{config}, options_{options}, pass_{pass} {
        require(check(config).has_value(), panic_code::bad_argument,
                "vit_trainer: this vit_config is not valid; lutra::check says why");
        require(options.batch > 0, panic_code::bad_argument, "vit_trainer: a batch needs at least one image");
        const std::size_t n = vit_parameters<float>::count(config);
        state_.parameters.resize(n);
        state_.first.resize(n);
        state_.second.resize(n);
        initialize(parameters(), options.seed);
        const std::size_t shards = (options.batch + shard_images - 1) / shard_images;
        gradients_.assign(shards, std::vector<float>(n));
        reports_.resize(shards);
        parameters().for_each([&](std::string_view, std::span<float> values, parameter_shape shape) {
            ranges_.push_back({static_cast<std::size_t>(values.data() - state_.parameters.data()), values.size(),
                               is_weight_matrix(shape)});
        });
    }

    /// Lets @p teacher, which must outlive the training, see the same augmented images: its logits are what
    /// training_options::distillation compares with. Null: no teacher. Panics on a teacher of other images or classes.
    void teach_with(const float_vit<>* teacher) {
        require(teacher == nullptr ||
                    (teacher->config().image_size() == config_.image_size() && teacher->config().classes == config_.classes),
                panic_code::bad_shape, "a teacher must read the images and know the classes of its pupil");
        teacher_ = teacher;
        workers_.clear(); // their memory has no room for its buffers
    }

    /// Keeps at zero, from now on, the parameters whose byte in @p mask is 0 (one a parameter; see weight_masks): training
    /// goes on under what pruning left, and neither their gradients nor their moments count. Empty: all are trained again.
    /// Panics on a mask of another size.
    void keep(std::span<const std::uint8_t> mask) {
        require(mask.empty() || mask.size() == state_.parameters.size(), panic_code::bad_shape,
                "the mask of a training has a byte for each parameter", static_cast<long long>(mask.size()),
                static_cast<long long>(state_.parameters.size()));
        mask_.assign(mask.begin(), mask.end());
        for (std::vector<float>* v : {&state_.parameters, &state_.first, &state_.second}) zero_dropped(0, *v);
    }

    [[nodiscard]] const vit_config& config() const noexcept { return config_; }
    [[nodiscard]] const training_options& options() const noexcept { return options_; }
    /// Views of this trainer's parameters.
    [[nodiscard]] vit_parameters<float> parameters() { return {config_, state_.parameters}; }
    [[nodiscard]] training_state& state() noexcept { return state_; }
    /// Steps that visit @p images images once; the last may be smaller than the others.
    [[nodiscard]] std::uint64_t steps_per_epoch(std::size_t images) const noexcept {
        return (images + options_.batch - 1) / options_.batch;
    }

    /// The order in which epoch @p epoch visits @p images images.
    [[nodiscard]] std::vector<std::uint32_t> order(std::size_t images, std::uint64_t epoch) const {
        std::vector<std::uint32_t> result(images);
        for (std::size_t i = 0; i < images; ++i) result[i] = static_cast<std::uint32_t>(i);
        random_generator random{options_.seed * 0x9e3779b97f4a7c15u + epoch};
        random.shuffle(std::span{result});
        return result;
    }

    /// One step on the images @p which (1 to `batch` indices) of @p pixels (whole images, channel-major) with their labels.
    /// @p steps_in_all of the whole training sets the learning rate; @p epoch, from 0, seeds the augmentation.
    /// Panics where sizes do not fit, or an index or a label is too large.
    template <executor Executor>
    step_report step(Executor& ex, std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> labels,
                     std::span<const std::uint32_t> which, std::uint64_t steps_in_all, std::uint64_t epoch) {
        require(!which.empty() && which.size() <= options_.batch, panic_code::bad_argument, "a step takes 1 to batch images",
                static_cast<long long>(which.size()), options_.batch);
        require(pixels.size() == labels.size() * config_.image_size(), panic_code::bad_shape,
                "a step needs one label for each whole image", static_cast<long long>(pixels.size()),
                static_cast<long long>(labels.size() * config_.image_size()));
        for (const std::uint32_t i : which)
            require(i < labels.size(), panic_code::out_of_range, "a step on an image past the last", i,
                    static_cast<long long>(labels.size()));
        const std::size_t shards = (which.size() + shard_images - 1) / shard_images;
        workers_.resize(std::max(workers_.size(), workers_of(ex)));
        ex.run(shards, [&](std::size_t shard, std::size_t worker) {
            const std::size_t begin = shard * shard_images, count = std::min(shard_images, which.size() - begin);
            run_shard(shard, workers_[worker], pixels, labels, which.subspan(begin, count), which.size(), epoch);
        });
        step_report report;
        for (std::size_t s = 0; s < shards; ++s) {
            report.loss += reports_[s].loss / static_cast<double>(which.size());
            report.correct += reports_[s].correct;
        }
        update(ex, shards, steps_in_all, report);
        return report;
    }

    /// The gradient of the mean loss over 1 to shard_images normalised images, without augmentation or update, in the order
    /// of vit_parameters; the mean loss itself goes to @p loss, where given. Panics where sizes do not fit.
    [[nodiscard]] std::vector<float> gradient(std::span<const float> images, std::span<const std::uint8_t> labels,
                                              double* loss = nullptr) {
        require(!labels.empty() && labels.size() <= shard_images && images.size() == labels.size() * config_.image_size(),
                panic_code::bad_shape, "gradient() takes 1 to 16 whole images with their labels",
                static_cast<long long>(labels.size()), static_cast<long long>(shard_images));
        if (workers_.empty()) workers_.resize(1);
        workers_[0].labels.assign(labels.begin(), labels.end());
        run_pass(0, workers_[0], images, labels.size(), labels.size());
        if (loss != nullptr) *loss = reports_[0].loss / static_cast<double>(labels.size());
        return gradients_[0];
    }

private:
    struct worker_state {
        arena_memory memory; ///< of the buffers of one shard
        std::vector<float> images;
        std::vector<std::uint8_t> pixels, labels;
    };
    struct range {
        std::size_t start, size;
        bool decays;
    };
    void run_shard(std::size_t shard, worker_state& w, std::span<const std::uint8_t> pixels,
                   std::span<const std::uint8_t> labels, std::span<const std::uint32_t> which, std::size_t batch,
                   std::uint64_t epoch) {
        const std::size_t size = config_.image_size();
        w.pixels.resize(shard_images * size);
        w.images.resize(shard_images * size);
        w.labels.resize(which.size());
        for (std::size_t i = 0; i < which.size(); ++i) {
            random_generator random{options_.seed * 0x9e3779b97f4a7c15u + epoch * 0xd1342543de82ef95u + which[i]};
            augment(config_, options_, random, pixels.subspan(which[i] * size, size),
                    std::span{w.pixels}.subspan(i * size, size));
            w.labels[i] = labels[which[i]];
        }
        const std::size_t used = which.size() * size;
        normalize(config_, std::span<const std::uint8_t>{w.pixels}.first(used), std::span{w.images}.first(used));
        run_pass(shard, w, std::span<const float>{w.images}.first(used), which.size(), batch);
    }

    /// The gradient of up to shard_images images into gradients_[shard], weighted 1 / batch. The labels are w's.
    void run_pass(std::size_t shard, worker_state& w, std::span<const float> images, std::size_t count, std::size_t batch) {
        if (w.memory.bytes().empty()) w.memory = arena_memory{scratch_bytes()};
        arena scratch{w.memory.bytes()};
        std::fill(gradients_[shard].begin(), gradients_[shard].end(), 0.0f);
        const matrix_view<const float> inputs{images.data(), count, config_.image_size()};
        training_targets targets{w.labels, options_.label_smoothing, 1.0f / static_cast<float>(batch)};
        if (teacher_ != nullptr && options_.distillation > 0) {
            const matrix_view<float> logits{scratch.take<float>(count * config_.classes).data(), count, config_.classes};
            teacher_->forward(inputs, logits, scratch);
            targets.teacher = logits;
            targets.distillation = options_.distillation;
            targets.temperature = options_.temperature;
        }
        reports_[shard] =
            pass_.run(parameters(), inputs, targets, vit_parameters<float>{config_, gradients_[shard]}, scratch);
    }

    /// Of a worker: the pass and the teacher, one after the other.
    [[nodiscard]] std::size_t scratch_bytes() const {
        const std::size_t pass = pass_.scratch_bytes(config_, shard_images);
        if (teacher_ == nullptr) return pass;
        arena a = arena::counting();
        a.take<float>(shard_images * config_.classes);
        return a.used() + std::max(pass, float_vit<>::scratch_bytes(teacher_->config(), shard_images));
    }

    template <executor Executor>
    void update(Executor& ex, std::size_t shards, std::uint64_t steps_in_all, step_report& report) {
        std::vector<float>& sum = gradients_[0];
        std::vector<double> squares(ranges_.size());
        ex.run(ranges_.size(), [&](std::size_t r, std::size_t) {
            const auto part = [&](std::vector<float>& v) { return std::span{v}.subspan(ranges_[r].start, ranges_[r].size); };
            for (std::size_t s = 1; s < shards; ++s)
                add_row_sum({part(gradients_[s]).data(), 1, ranges_[r].size}, part(sum));
            zero_dropped(ranges_[r].start, part(sum));
            squares[r] = sum_of_squares(part(sum));
        });
        for (const double s : squares) report.gradient_norm += s;
        report.gradient_norm = std::sqrt(report.gradient_norm);
        const auto norm = static_cast<float>(report.gradient_norm);
        const float scale = options_.clip_norm > 0 && norm > options_.clip_norm ? options_.clip_norm / norm : 1.0f;
        const std::uint64_t per_epoch = steps_in_all / std::max<std::uint32_t>(options_.epochs, 1);
        const auto warmup = static_cast<std::uint64_t>(options_.warmup_epochs * static_cast<float>(per_epoch));
        report.rate = cosine_schedule(state_.step, steps_in_all, warmup, options_.peak_rate, options_.last_rate);
        ++state_.step;
        ex.run(ranges_.size(), [&](std::size_t r, std::size_t) {
            const auto part = [&](std::vector<float>& v) { return std::span{v}.subspan(ranges_[r].start, ranges_[r].size); };
            adamw_step(part(state_.parameters), part(sum), part(state_.first), part(state_.second), state_.step, report.rate,
                       scale, ranges_[r].decays, options_.adamw);
            zero_dropped(ranges_[r].start, part(state_.parameters));
        });
    }

    /// Of @p values, those of the parameters from @p first on.
    void zero_dropped(std::size_t first, std::span<float> values) const noexcept {
        for (std::size_t i = 0; i < values.size() && !mask_.empty(); ++i)
            if (mask_[first + i] == 0) values[i] = 0;
    }

    vit_config config_;
    training_options options_;
    Pass pass_;
    const float_vit<>* teacher_ = nullptr;
    training_state state_;
    std::vector<std::vector<float>> gradients_;
    std::vector<loss_report> reports_;
    std::vector<std::uint8_t> mask_; ///< 0: stays zero; empty: none does
    std::vector<range> ranges_;
    std::vector<worker_state> workers_;
};

#if LUTRA_USE_COMPILED
extern template class vit_trainer<float_pass<vit_defaults>>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
