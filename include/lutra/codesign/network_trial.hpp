// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign tries networks on hosts: call a network's forward() with your own memory on firmware."
#endif

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/nn/activation_counter.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/observe.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// How a network is tried.
struct trial_options {
    std::size_t batch = 32;    ///< images at a time
    std::size_t observed = 32; ///< images whose zeros are counted, at most
    /// A trial ends as soon as its accuracy is surely below this: 0 tries every image.
    double least_accuracy = 0;
    double doubt = 1e-3; ///< how likely an accuracy of least_accuracy or more may be taken for a lower one, in (0, 1)
};

/// What a network did in a trial.
struct network_trial {
    std::size_t images = 0, correct = 0;
    bool stopped = false; ///< before all images, for its accuracy was too low
    /// What one image asked of hardware, on average: see observe().
    std::vector<operation> operations;
    std::vector<std::uint32_t> dependencies;

    [[nodiscard]] double accuracy() const noexcept {
        return images == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(images);
    }
    [[nodiscard]] workload view() const noexcept { return {operations, dependencies}; }
};

/// What one image of @p w, which has the operations of @p images images, asks of hardware on average. Images that kept
/// different numbers of tokens count as one batch, whose mean is rounded up.
[[nodiscard]] inline std::vector<operation> mean_image(const workload& w, std::uint64_t images) {
    require(images > 0, panic_code::empty, "the mean of no image");
    std::vector<operation> mean(w.operations.begin(), w.operations.end());
    for (operation& op : mean) {
        if (op.batch % images == 0)
            op.batch /= images;
        else
            op.m = (op.m + images - 1) / images;
    }
    return mean;
}

inline namespace LUTRA_ISA {

/// Tries one network after the other on the same images: a Model of each assignment of choices. Results depend on the
/// choices alone, whichever worker tries them. Of a Model whose pass nobody can observe, the operations stay empty.
template <class Model = int8_vit<>>
class network_tester {
    static constexpr bool observable = requires(const Model& m, matrix_view<const float> images, matrix_view<float> logits,
                                                arena& scratch, const observer_ref& observer) {
        m.forward(images, logits, scratch, observer);
    };

public:
    /// @p pixels: whole 8-bit images, channel-major; @p labels one each; for @p workers workers. All must outlive this
    /// object. Panics where the images are none, not whole or not as many as the labels, and on options out of range.
    network_tester(const vit_parameters<const float>& parameters, std::span<const float> scales,
                   std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> labels, std::size_t workers,
                   const trial_options& options = {})
        : parameters_{parameters}, scales_{scales}, pixels_{pixels}, labels_{labels}, options_{options}, workers_(workers) {
        const std::size_t size = parameters.config().image_size();
        require(!labels.empty(), panic_code::empty, "a network is tried on at least one image");
        require(pixels.size() == labels.size() * size, panic_code::bad_shape,
                "the pixels are not as many images of the network's size as there are labels",
                static_cast<long long>(pixels.size()), static_cast<long long>(labels.size() * size));
        require(options.batch > 0 && options.observed > 0, panic_code::bad_argument,
                "a trial takes at least one image at a time and observes at least one");
        require(options.doubt > 0 && options.doubt < 1, panic_code::bad_argument, "the doubt of a trial lies in (0, 1)");
    }

    [[nodiscard]] const vit_config& config() const noexcept { return parameters_.config(); }
    [[nodiscard]] std::size_t images() const noexcept { return labels_.size(); }
    [[nodiscard]] std::size_t workers() const noexcept { return workers_.size(); }
    [[nodiscard]] const trial_options& options() const noexcept { return options_; }

    /// Tries the network of @p choices on worker @p worker. Panics as Model does, and where there is no such worker.
    [[nodiscard]] network_trial operator()(std::span<const layer_choice> choices, std::size_t worker) const {
        const vit_config& c = config();
        memory& own = of(worker);
        const Model model = make(choices, own);
        network_trial t;
        if constexpr (observable) observe(model, choices, own, t);
        for (std::size_t first = 0; first < labels_.size() && !t.stopped; first += options_.batch) {
            const std::size_t n = std::min(options_.batch, labels_.size() - first);
            forward(model, own, first, n, {});
            for (std::size_t i = 0; i < n; ++i) {
                const auto logits = std::span{own.logits}.subspan(i * c.classes, c.classes);
                const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
                t.correct += static_cast<std::size_t>(best) == labels_[first + i];
            }
            t.images += n;
            t.stopped = t.images < labels_.size() && surely_too_low(t);
        }
        return t;
    }

    /// What the network of @p choices asks of hardware, as the operator counts it, without its accuracy.
    [[nodiscard]] network_trial observe(std::span<const layer_choice> choices,
                                        std::size_t worker) const requires observable {
        network_trial t;
        memory& own = of(worker);
        observe(make(choices, own), choices, own, t);
        return t;
    }

private:
    struct memory {
        arena_memory packed, scratch;
        std::vector<float> images, logits;
    };
    [[nodiscard]] memory& of(std::size_t worker) const {
        require(worker < workers_.size(), panic_code::out_of_range, "a network_tester has no such worker",
                static_cast<long long>(worker), static_cast<long long>(workers_.size()));
        return workers_[worker];
    }
    [[nodiscard]] Model make(std::span<const layer_choice> choices, memory& own) const {
        const vit_config& c = config();
        const std::size_t packed_bytes = Model::packed_bytes(c, choices);
        if (own.packed.bytes().size() < packed_bytes) own.packed = arena_memory{packed_bytes};
        if (own.images.empty()) {
            own.scratch = arena_memory{Model::scratch_bytes(c, options_.batch)};
            own.images.resize(options_.batch * c.image_size());
            own.logits.resize(options_.batch * c.classes);
        }
        arena packed{own.packed.bytes()};
        return Model{parameters_, scales_, choices, packed};
    }
    void forward(const Model& model, memory& own, std::size_t first, std::size_t n, const observer_ref& observer) const {
        const vit_config& c = config();
        const std::size_t size = c.image_size();
        const std::span<float> images{own.images.data(), n * size};
        normalize(c, pixels_.subspan(first * size, n * size), images);
        arena scratch{own.scratch.bytes()};
        const matrix_view<const float> rows{images.data(), n, size};
        const matrix_view<float> logits{own.logits.data(), n, c.classes};
        if constexpr (observable)
            model.forward(rows, logits, scratch, observer);
        else
            model.forward(rows, logits, scratch);
    }
    void observe(const Model& model, std::span<const layer_choice> choices, memory& own, network_trial& t) const {
        const vit_config& c = config();
        std::vector<activation_counts> counts(activation_counter::size(c));
        const activation_counter counter{c, counts};
        const std::size_t count = std::min(options_.observed, labels_.size());
        for (std::size_t first = 0; first < count; first += options_.batch)
            forward(model, own, first, std::min(options_.batch, count - first), counter);
        std::vector<operation> operations(operation_count(c, choices));
        t.dependencies.resize(dependency_count(c, choices));
        workload_builder out{operations, t.dependencies};
        t.operations = mean_image(observed_workload(c, choices, count, counter, out), count);
    }
    /// Hoeffding's bound (1963): the mean of n images lies above its expectation by sqrt(ln(1 / doubt) / 2 n) at most.
    [[nodiscard]] bool surely_too_low(const network_trial& t) const {
        return t.accuracy() + std::sqrt(-std::log(options_.doubt) / (2 * static_cast<double>(t.images))) <
               options_.least_accuracy;
    }

    vit_parameters<const float> parameters_;
    std::span<const float> scales_;
    std::span<const std::uint8_t> pixels_, labels_;
    trial_options options_;
    mutable std::vector<memory> workers_; ///< each used by its worker only
};

} // namespace LUTRA_ISA
} // namespace lutra
