// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/executor.hpp>
#include <lutra/core/random.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/train/backward.hpp>
#include <lutra/nn/train/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

namespace lutra {

/// How to train.
struct training_options {
    std::uint32_t epochs = 40, batch = 128;
    float peak_rate = 2e-3f, last_rate = 1e-5f; ///< learning rates of the cosine schedule
    float warmup_epochs = 2;
    float label_smoothing = 0.1f;
    float clip_norm = 1.0f;       ///< of the whole gradient
    std::uint32_t max_shift = 2;  ///< augmentation: pixels in each direction, zeros shifted in
    bool flip = true;             ///< augmentation: mirror left and right, half the time
    std::uint64_t seed = 1;
    adamw_options adamw;

    friend bool operator==(const training_options& a, const training_options& b) {
        return a.epochs == b.epochs && a.batch == b.batch && a.peak_rate == b.peak_rate && a.last_rate == b.last_rate &&
               a.warmup_epochs == b.warmup_epochs && a.label_smoothing == b.label_smoothing && a.clip_norm == b.clip_norm &&
               a.max_shift == b.max_shift && a.flip == b.flip && a.seed == b.seed && a.adamw.beta1 == b.adamw.beta1 &&
               a.adamw.beta2 == b.adamw.beta2 && a.adamw.epsilon == b.adamw.epsilon && a.adamw.weight_decay == b.adamw.weight_decay;
    }
};

/// What a step did.
struct step_report {
    double loss = 0;           ///< mean cross entropy, smoothed labels
    std::size_t correct = 0;   ///< of the batch, before the step
    double gradient_norm = 0;  ///< before clipping
    float rate = 0;
};

/// Mirrors (half the time, if asked) and shifts an image of 8-bit pixels; @p random decides.
inline void augment(const vit_config& c, const training_options& o, random_generator& random, std::span<const std::uint8_t> image,
                    std::span<std::uint8_t> out) {
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

/// Fills the parameters of a new network: Xavier-uniform matrices (Glorot and Bengio, 2010), positions from N(0, 0.02^2),
/// layer norms 1, everything else 0. The same numbers for the same seed everywhere.
inline void initialize(const vit_parameters<float>& p, std::uint64_t seed) {
    random_generator random{seed};
    p.for_each([&](std::string_view name, std::span<float> values, std::initializer_list<std::size_t> shape) {
        const bool matrix = shape.size() == 2 || shape.size() == 4;
        const std::size_t outputs = *shape.begin(), inputs = values.size() / outputs;
        const double reach = std::sqrt(6.0 / static_cast<double>(inputs + outputs));
        for (float& v : values) {
            if (matrix)
                v = static_cast<float>(reach * (2 * random.unit() - 1));
            else if (name == "pos_embed")
                v = static_cast<float>(0.02 * std::sqrt(-2 * std::log(1 - random.unit())) * std::cos(2 * std::numbers::pi * random.unit()));
            else
                v = name.ends_with("weight") ? 1.0f : 0.0f;
        }
    });
}

inline namespace LUTRA_ISA {

/// Trains a ViT in float with AdamW on 8-bit images. A batch is cut into shards of a fixed size whose gradients are added in
/// order, so the result depends on the seed and not on the number of workers.
template <vit_policy Policy = vit_defaults>
class vit_trainer {
public:
    static constexpr std::size_t shard_images = 16;

    /// The state that a checkpoint must keep: parameters, both moments (flat, vit_parameters order) and the steps done.
    struct training_state {
        std::vector<float> parameters, first, second;
        std::uint64_t step = 0;
    };

    vit_trainer(const vit_config& config, const training_options& options) : config_{config}, options_{options} {
        require(check(config).has_value(), panic_code::bad_argument, "vit_trainer: this vit_config is not valid; see lutra::check");
        require(options.batch > 0, panic_code::bad_argument, "vit_trainer: a batch needs at least one image");
        const std::size_t n = vit_parameters<float>::count(config);
        state_.parameters.resize(n);
        state_.first.resize(n);
        state_.second.resize(n);
        initialize(parameters(), options.seed);
        const std::size_t shards = (options.batch + shard_images - 1) / shard_images;
        gradients_.assign(shards, std::vector<float>(n));
        losses_.resize(shards);
        corrects_.resize(shards);
        parameters().for_each([&](std::string_view, std::span<float> values, std::initializer_list<std::size_t> shape) {
            ranges_.push_back({static_cast<std::size_t>(values.data() - state_.parameters.data()), values.size(),
                               shape.size() == 2 || shape.size() == 4});
        });
    }

    [[nodiscard]] const vit_config& config() const noexcept { return config_; }
    [[nodiscard]] const training_options& options() const noexcept { return options_; }
    [[nodiscard]] vit_parameters<float> parameters() { return {config_, state_.parameters}; }
    [[nodiscard]] training_state& state() noexcept { return state_; }
    [[nodiscard]] std::uint64_t steps_per_epoch(std::size_t images) const { return (images + options_.batch - 1) / options_.batch; }

    /// The order in which epoch @p epoch visits @p images images.
    [[nodiscard]] std::vector<std::uint32_t> order(std::size_t images, std::uint64_t epoch) const {
        std::vector<std::uint32_t> result(images);
        for (std::size_t i = 0; i < images; ++i) result[i] = static_cast<std::uint32_t>(i);
        random_generator random{options_.seed * 0x9e3779b97f4a7c15u + epoch};
        random.shuffle(std::span{result});
        return result;
    }

    /// One step on the images @p which of @p pixels (whole images, channel-major) with their labels.
    template <executor Executor>
    step_report step(Executor& ex, std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> labels,
                     std::span<const std::uint32_t> which, std::uint64_t steps_in_all, std::uint64_t epoch) {
        require(!which.empty() && which.size() <= options_.batch, panic_code::bad_argument, "a step takes 1 to batch images",
                static_cast<long long>(which.size()), options_.batch);
        const std::size_t shards = (which.size() + shard_images - 1) / shard_images;
        if (workers_.size() < ex.workers()) workers_.resize(ex.workers());
        ex.run(shards, [&](std::size_t shard, std::size_t worker) {
            const std::size_t begin = shard * shard_images, count = std::min(shard_images, which.size() - begin);
            run_shard(shard, workers_[worker], pixels, labels, which.subspan(begin, count), which.size(), epoch);
        });
        step_report report;
        for (std::size_t s = 0; s < shards; ++s) {
            report.loss += losses_[s] / static_cast<double>(which.size());
            report.correct += corrects_[s];
        }
        update(ex, shards, steps_in_all, report);
        return report;
    }

    /// The gradient of the mean loss over @p which, without augmentation or update; for tests and tools.
    [[nodiscard]] std::vector<float> gradient(std::span<const float> images, std::span<const std::uint8_t> labels, double* loss = nullptr) {
        require(labels.size() <= shard_images && images.size() == labels.size() * config_.image_size(), panic_code::bad_shape,
                "gradient() takes up to 16 whole images", static_cast<long long>(labels.size()), static_cast<long long>(shard_images));
        if (workers_.empty()) workers_.resize(1);
        workers_[0].labels.assign(labels.begin(), labels.end());
        pass(0, workers_[0], images, labels.size(), labels.size());
        if (loss != nullptr) *loss = losses_[0] / static_cast<double>(labels.size());
        return gradients_[0];
    }

private:
    struct worker_state {
        std::vector<float> memory, images;
        std::vector<std::uint8_t> pixels, labels;
    };
    struct range {
        std::size_t start, size;
        bool decays;
    };

    void run_shard(std::size_t shard, worker_state& w, std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> labels,
                   std::span<const std::uint32_t> which, std::size_t batch, std::uint64_t epoch) {
        const std::size_t size = config_.image_size();
        w.pixels.resize(shard_images * size);
        w.images.resize(shard_images * size);
        w.labels.resize(which.size());
        for (std::size_t i = 0; i < which.size(); ++i) {
            random_generator random{options_.seed * 0x9e3779b97f4a7c15u + epoch * 0xd1342543de82ef95u + which[i]};
            augment(config_, options_, random, pixels.subspan(which[i] * size, size), std::span{w.pixels}.subspan(i * size, size));
            w.labels[i] = labels[which[i]];
        }
        const std::size_t used = which.size() * size;
        normalize(config_, std::span<const std::uint8_t>{w.pixels}.first(used), std::span{w.images}.first(used));
        pass(shard, w, std::span<const float>{w.images}.first(used), which.size(), batch);
    }

    /// Forward and backward of up to shard_images images into gradients_[shard], weighted 1 / batch.
    void pass(std::size_t shard, worker_state& w, std::span<const float> images, std::size_t count, std::size_t batch) {
        const vit_config& c = config_;
        const std::size_t rows = count * c.tokens(), d = c.dim;
        layout memory{w.memory, c, shard_images};
        const vit_parameters<const float> p = parameters();
        const vit_parameters<float> g{c, gradients_[shard]};
        std::fill(gradients_[shard].begin(), gradients_[shard].end(), 0.0f);

        const auto patches = memory.matrix(count * c.patches(), c.patch_size());
        extract_patches(c, {images.data(), count, c.image_size()}, patches);
        matrix_view<float> x = memory.matrix(rows, d);
        embed(p, patches, x);
        std::vector<block_activations> blocks(c.depth);
        for (std::size_t i = 0; i < c.depth; ++i) {
            block_activations& b = blocks[i];
            b = {.input = x,
                 .normed1 = memory.matrix(rows, d),
                 .qkv = memory.matrix(rows, 3 * d),
                 .probabilities = memory.take(count * c.heads * c.tokens() * c.tokens()),
                 .context = memory.matrix(rows, d),
                 .middle = memory.matrix(rows, d),
                 .normed2 = memory.matrix(rows, d),
                 .hidden = memory.matrix(rows, c.mlp),
                 .slope = memory.matrix(rows, c.mlp),
                 .output = memory.matrix(rows, d),
                 .statistics1 = memory.take(2 * rows),
                 .statistics2 = memory.take(2 * rows)};
            forward<typename Policy::activation>(c, p.block(i), b);
            x = b.output;
        }
        const std::size_t prefix = c.prefix_tokens();
        const auto head_normed = memory.matrix(count * prefix, d);
        const auto head_statistics = memory.take(2 * count * prefix);
        const auto logits = memory.matrix(count, c.classes), dlogits = memory.matrix(count, c.classes);
        classify(p, x, head_normed, logits, head_statistics);

        double loss = 0;
        std::size_t correct = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto row = logits.row(i);
            correct += static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin()) == w.labels[i];
            loss += static_cast<double>(cross_entropy(row, w.labels[i], options_.label_smoothing,
                                                      1.0f / static_cast<float>(batch), dlogits.row(i)));
        }
        losses_[shard] = loss;
        corrects_[shard] = correct;

        const auto dx = memory.matrix(rows, d), dhead = memory.matrix(count * prefix, d);
        std::fill_n(dx.data(), rows * d, 0.0f);
        if (c.distilled)
            for (float& v : std::span{dlogits.data(), count * c.classes}) v *= 0.5f;
        for (std::size_t which = 0; which < prefix; ++which) {
            const auto part = [&](matrix_view<float> m) { return matrix_view<float>{m.data() + which * d, count, d, prefix * d}; };
            linear_backward(part(head_normed), which == 0 ? p.head : p.head_dist, dlogits, which == 0 ? g.head : g.head_dist, part(dhead));
        }
        for (std::size_t r = 0; r < count * prefix; ++r) {
            const std::size_t row = r / prefix * c.tokens() + r % prefix;
            layer_norm_backward(x.row(row), p.norm.weight, {head_statistics[2 * r], head_statistics[2 * r + 1]}, dhead.row(r),
                                g.norm.weight, g.norm.bias, dx.row(row));
        }
        const block_gradients scratch{memory.matrix(rows, d), memory.matrix(rows, 3 * d), memory.matrix(rows, c.mlp),
                                      memory.take(c.tokens() * c.tokens())};
        for (std::size_t i = c.depth; i-- > 0;) backward(c, p.block(i), blocks[i], g.block(i), dx, scratch);
        for (std::size_t image = 0; image < count; ++image) {
            const auto rows_of = dx.block(image * c.tokens(), 0, c.tokens(), d);
            add_row_sum(rows_of.block(0, 0, 1, d), g.cls_token);
            if (c.distilled) add_row_sum(rows_of.block(1, 0, 1, d), g.dist_token);
            add_row_sum({rows_of.data(), 1, c.tokens() * d}, {g.pos_embed.data(), c.tokens() * d});
            linear_backward(patches.block(image * c.patches(), 0, c.patches(), c.patch_size()), p.patch_embed,
                            rows_of.block(prefix, 0, c.patches(), d), g.patch_embed);
        }
    }

    template <executor Executor>
    void update(Executor& ex, std::size_t shards, std::uint64_t steps_in_all, step_report& report) {
        std::vector<float>& sum = gradients_[0];
        std::vector<double> squares(ranges_.size());
        ex.run(ranges_.size(), [&](std::size_t r, std::size_t) {
            const auto part = [&](std::vector<float>& v) { return std::span{v}.subspan(ranges_[r].start, ranges_[r].size); };
            for (std::size_t s = 1; s < shards; ++s) add_row_sum({part(gradients_[s]).data(), 1, ranges_[r].size}, part(sum));
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
            adamw_step(part(state_.parameters), part(sum), part(state_.first), part(state_.second), state_.step, report.rate, scale,
                       ranges_[r].decays, options_.adamw);
        });
    }

    /// Hands out the activations of one shard from memory that a worker keeps between steps.
    class layout {
    public:
        layout(std::vector<float>& memory, const vit_config& c, std::size_t images) : memory_{memory} {
            const std::size_t rows = images * c.tokens(), d = c.dim;
            const std::size_t block = rows * (9 * d + 2 * c.mlp + 4) + images * c.heads * c.tokens() * c.tokens();
            const std::size_t all = images * c.image_size() + rows * d + c.depth * block + images * 2 * (2 * d + 2 + 2 * c.classes) +
                                    rows * (5 * d + c.mlp) + c.tokens() * c.tokens() + 4096;
            memory_.resize(all + 16 * (16 + 12 * std::size_t{c.depth}));
        }
        std::span<float> take(std::size_t n) {
            const std::size_t start = used_;
            used_ += (n + 15) / 16 * 16;
            require(used_ <= memory_.size(), panic_code::arena_too_small, "vit_trainer: activation memory", static_cast<long long>(memory_.size()),
                    static_cast<long long>(used_));
            return std::span{memory_}.subspan(start, n);
        }
        matrix_view<float> matrix(std::size_t rows, std::size_t cols) { return {take(rows * cols).data(), rows, cols}; }

    private:
        std::vector<float>& memory_;
        std::size_t used_ = 0;
    };

    vit_config config_;
    training_options options_;
    training_state state_;
    std::vector<std::vector<float>> gradients_;
    std::vector<double> losses_;
    std::vector<std::size_t> corrects_;
    std::vector<range> ranges_;
    std::vector<worker_state> workers_;
};

} // namespace LUTRA_ISA
} // namespace lutra
