// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/exploration_document.hpp>
#include <lutra/io/json.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lutra {

namespace detail {

/// Takes a document apart and keeps the first thing that was wrong with it; after that everything is empty.
class exploration_reader {
public:
    /// A value and where it stands; without a value where something was wrong, or where it may be left out and was.
    struct node {
        const nlohmann::json* value = nullptr;
        std::string path;
        explicit operator bool() const noexcept { return value != nullptr; }
    };

    [[nodiscard]] const error& first_error() const noexcept { return error_; }
    [[nodiscard]] bool good() const noexcept { return error_.message.empty(); }

    template <class... Parts>
    void refuse(error_code code, const node& at, const Parts&... parts) {
        if (good()) error_ = fault(code, 0, "'", shown_path(at.path), "' ", parts...);
    }

    [[nodiscard]] node member(const node& in, const char* key) {
        if (!good() || !in) return {};
        if (!in.value->is_object()) return wrong_type(in, "an object"), node{};
        const auto found = in.value->find(key);
        if (found != in.value->end()) return {&*found, path_of(in, key)};
        refuse(error_code::missing, {nullptr, path_of(in, key)}, "is missing");
        return {};
    }
    /// The same where the member may be left out; one that is null is.
    [[nodiscard]] node optional_member(const node& in, const char* key) {
        const bool there = good() && in && in.value->is_object() && in.value->contains(key) && !(*in.value)[key].is_null();
        return there ? member(in, key) : node{};
    }

    void take(const node& at, std::string& to) {
        if (!good() || !at) return;
        if (!at.value->is_string()) return wrong_type(at, "a string");
        to = at.value->get_ref<const std::string&>();
    }
    void take(const node& at, double& to) {
        if (!good() || !at) return;
        if (!at.value->is_number() && !at.value->is_null()) return wrong_type(at, "a number or null");
        const double v = at.value->is_null() ? no_value : at.value->get<double>();
        to = std::abs(v) <= 1e100 ? v : no_value;
        if (std::abs(to) < 1e-100) to = 0;
    }
    template <std::unsigned_integral T>
    void take(const node& at, T& to) {
        if (!good() || !at) return;
        const bool whole =
            at.value->is_number_unsigned() || (at.value->is_number_integer() && at.value->get<std::int64_t>() >= 0);
        if (!whole) return wrong_type(at, "a whole number that is not negative");
        to = at.value->get<T>();
    }
    template <class T>
    void take(const node& at, std::vector<T>& to) {
        if (!good() || !at) return;
        if (!at.value->is_array()) return wrong_type(at, "an array");
        to.resize(at.value->size());
        for (std::size_t i = 0; i < to.size() && good(); ++i)
            take(node{&(*at.value)[i], at.path + "[" + std::to_string(i) + "]"}, to[i]);
    }
    template <class T>
    void take(const node& at, std::optional<T>& to) {
        if (good() && at && !at.value->is_null()) take(at, to.emplace());
    }

    void take(const node& at, exploration_objective& to) {
        take(member(at, "name"), to.name), take(member(at, "label"), to.label), take(member(at, "unit"), to.unit);
    }
    void take(const node& at, exploration_gene& to) {
        take(member(at, "name"), to.name), take(member(at, "alternatives"), to.alternatives);
    }
    void take(const node& at, exploration_reference& to) {
        take(member(at, "name"), to.name), take_objectives(at, to.objectives);
        take(optional_member(at, "test_accuracy"), to.test_accuracy);
    }
    void take(const node& at, exploration_front_point& to) {
        const node chosen = member(at, "genes");
        take(member(at, "number"), to.number), take(chosen, to.genes), take_objectives(at, to.objectives);
        take(optional_member(at, "test_accuracy"), to.test_accuracy);
        if (good()) expect_size(chosen, to.genes.size(), genes_.size(), "one for each gene");
        for (std::size_t i = 0; i < to.genes.size() && good(); ++i)
            if (to.genes[i] >= genes_[i])
                refuse(error_code::mismatch, chosen, "takes alternative ", to.genes[i], " of gene ", i, ", which has ",
                       genes_[i]);
    }
    void take(const node& at, exploration_component& to) {
        take(member(at, "component"), to.name), take(member(at, "chosen_nj"), to.chosen_nj);
        take(member(at, "reference_nj"), to.reference_nj);
    }
    void take(const node& at, exploration_choice& to) {
        take(member(at, "front"), to.front), take(member(at, "reference"), to.reference);
        take(optional_member(at, "best_uniform"), to.best_uniform), take(optional_member(at, "sentence"), to.sentence);
        take(member(at, "energy"), to.energy), take(member(at, "policy"), to.policy);
    }
    void take(const node& at, exploration_course& to) {
        const node values = member(at, "hypervolume");
        take(member(at, "method"), to.method), take(member(at, "evaluations"), to.evaluations), take(values, to.hypervolume);
        if (good()) expect_size(values, to.hypervolume.size(), to.evaluations.size(), "one for each of 'evaluations'");
        if (!optional_member(at, "least") && !optional_member(at, "greatest")) return;
        const node least = member(at, "least"), greatest = member(at, "greatest");
        take(least, to.least), take(greatest, to.greatest);
        for (const auto& [of, size] : {std::pair{least, to.least.size()}, {greatest, to.greatest.size()}})
            if (good()) expect_size(of, size, to.evaluations.size(), "one for each of 'evaluations'");
    }
    void take(const node& at, exploration_predictor& to) {
        take(member(at, "name"), to.name), take(member(at, "designs"), to.designs);
        take(member(at, "rank_correlation"), to.rank_correlation), take(member(at, "mean_error"), to.mean_error);
    }
    void take(const node& at, exploration_sensitivity& to) {
        const node drop = member(at, "drop");
        take(member(at, "rows"), to.rows), take(member(at, "columns"), to.columns), take(drop, to.drop);
        take(member(at, "multiplier"), to.multiplier);
        if (good()) expect_size(drop, to.drop.size(), to.rows.size(), "one for each of 'rows'");
        for (std::size_t i = 0; i < to.drop.size() && good(); ++i)
            expect_size({at.value, drop.path + "[" + std::to_string(i) + "]"}, to.drop[i].size(), to.columns.size(),
                        "one for each of 'columns'");
    }
    void take(const node& at, exploration_document& to) {
        for (const auto& [key, text] : {std::pair{"title", &to.title},
                                        {"network", &to.network},
                                        {"accelerator", &to.accelerator},
                                        {"method", &to.method}})
            take(member(at, key), *text);
        for (const auto& [key, count] : {std::pair{"seed", &to.seed},
                                         {"images", &to.images},
                                         {"evaluations", &to.evaluations},
                                         {"infeasible", &to.infeasible}})
            take(member(at, key), *count);
        for (const auto& [key, number] :
             {std::pair{"seconds", &to.seconds}, {"overhead_share", &to.overhead_share}, {"hypervolume", &to.hypervolume}})
            take(member(at, key), *number);
        const node objectives = member(at, "objectives"), genes = member(at, "genes");
        take(objectives, to.objectives), take(genes, to.genes);
        objectives_ = to.objectives.size();
        if (good() && (objectives_ < 1 || objectives_ > 4))
            refuse(error_code::wrong_size, objectives, "has ", objectives_, " elements; expected 1 to 4");
        if (good() && (to.genes.empty() || to.genes.size() > 256))
            refuse(error_code::wrong_size, genes, "has ", to.genes.size(), " elements; expected 1 to 256");
        for (const auto& gene : to.genes) genes_.push_back(gene.alternatives.size());
        take(optional_member(at, "uniform"), to.uniform);
        const node points = member(at, "points");
        if (points && !points.value->is_array()) wrong_type(points, "an array");
        for (std::size_t i = 0; points && good() && i < points.value->size(); ++i)
            take_objectives({&(*points.value)[i], points.path + "[" + std::to_string(i) + "]"}, to.points.emplace_back());
        take(member(at, "front"), to.front);
        const node chosen = to.front.empty() ? optional_member(at, "chosen") : member(at, "chosen");
        take(chosen, to.chosen);
        if (good() && to.chosen && to.chosen->front >= to.front.size())
            refuse(error_code::mismatch, {nullptr, "chosen.front"}, "is ", to.chosen->front, ", but 'front' has ",
                   to.front.size(), " points");
        take(member(at, "convergence"), to.convergence), take(optional_member(at, "predictors"), to.predictors);
        take(optional_member(at, "sensitivity"), to.sensitivity);
    }

private:
    [[nodiscard]] static std::string path_of(const node& in, const char* key) {
        return in.path.empty() ? std::string{key} : in.path + "." + key;
    }
    void wrong_type(const node& at, std::string_view expected) {
        if (at.path.empty())
            error_ = fault(error_code::wrong_type, 0, "an exploration is of type ", at.value->type_name(), "; expected ",
                           expected);
        else
            refuse(error_code::wrong_type, at, "is of type ", at.value->type_name(), "; expected ", expected);
    }
    void expect_size(const node& at, std::size_t is, std::size_t expected, std::string_view why) {
        if (is != expected) refuse(error_code::mismatch, at, "has ", is, " elements; expected ", expected, ", ", why);
    }
    void take_objectives(const node& of, std::vector<double>& to) {
        const node at = member(of, "objectives");
        take(at, to);
        if (good()) expect_size(at, to.size(), objectives_, "one for each objective");
    }

    error error_{};
    std::size_t objectives_ = 0;
    std::vector<std::size_t> genes_{}; ///< how many alternatives each has
};

} // namespace detail

/// The exploration in @p document. Fields that nobody knows are left alone. Errors name the field: `missing`, `wrong_type`,
/// `wrong_size` for none or more than 4 objectives or 256 genes, `mismatch` for arrays whose lengths contradict each other
/// and for an index that points nowhere. 'uniform', 'predictors', 'sensitivity', 'test_accuracy', 'best_uniform',
/// 'sentence', and 'least' with 'greatest' may be left out or null; so may 'chosen' where the front is empty, and be null
/// where it is not.
[[nodiscard]] LUTRA_INLINE result<exploration_document> exploration_from(const nlohmann::json& document) {
    detail::exploration_reader reader;
    exploration_document read;
    reader.take(detail::exploration_reader::node{&document, {}}, read);
    if (!reader.good()) return reader.first_error();
    return read;
}

} // namespace lutra
