// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "gemm/shapes.hpp"

#include <dlfcn.h>
#include <dnnl.hpp>

#include <cstdint>
#include <span>
#include <type_traits>
#include <unordered_map>
#include <vector>

/// @file
/// oneDNN's side: its matmul primitive on one thread, with the weights in the layout that it asks for.

namespace bench {

/// A x B -> C of element types u8/s8/f32, s8/f32, s32/f32; a call is one product.
template <class A, class B, class C>
class onednn_product {
public:
    explicit onednn_product(gemm_shape s)
        : a_{random_values<A>(s.m * s.k, 1)}, b_{random_values<B>(s.k * s.n, 2)}, c_(s.m * s.n) {
        one_thread();
        using dnnl::memory;
        const auto plain = memory::format_tag::ab;
        const auto rows = static_cast<memory::dim>(s.m), cols = static_cast<memory::dim>(s.n);
        const auto inner = static_cast<memory::dim>(s.k);
        const memory::desc a{{rows, inner}, type<A>(), plain}, b{{inner, cols}, type<B>(), plain};
        const memory::desc any{{inner, cols}, type<B>(), memory::format_tag::any}, c{{rows, cols}, type<C>(), plain};
#if DNNL_VERSION_MAJOR >= 3
        const dnnl::matmul::primitive_desc plan{engine_, a, any, c};
#else
        const dnnl::matmul::primitive_desc plan{dnnl::matmul::desc{a, any, c}, engine_};
#endif
        product_ = dnnl::matmul{plan};
        memory given{b, engine_, b_.data()}, weights{plan.weights_desc(), engine_};
        dnnl::reorder{given, weights}.execute(stream_, given, weights);
        stream_.wait();
        arguments_ = {{DNNL_ARG_SRC, memory{a, engine_, a_.data()}},
                      {DNNL_ARG_WEIGHTS, weights},
                      {DNNL_ARG_DST, memory{c, engine_, c_.data()}}};
        implementation_ = plan.impl_info_str();
    }

    void operator()() {
        product_.execute(stream_, arguments_);
        stream_.wait();
    }
    [[nodiscard]] std::span<const A> a() const { return a_; }
    [[nodiscard]] std::span<const B> b() const { return b_; }
    [[nodiscard]] std::span<const C> result() const { return c_; }
    /// What oneDNN calls the kernel that it chose.
    [[nodiscard]] const std::string& implementation() const { return implementation_; }

private:
    template <class T>
    static constexpr dnnl::memory::data_type type() {
        using enum dnnl::memory::data_type;
        if constexpr (std::is_same_v<T, std::uint8_t>)
            return u8;
        else if constexpr (std::is_same_v<T, std::int8_t>)
            return s8;
        else if constexpr (std::is_same_v<T, std::int32_t>)
            return s32;
        else
            return f32;
    }
    /// Where oneDNN was built on OpenMP it takes all cores, unless told otherwise; its headers do not say which it was.
    static void one_thread() {
        if (void* found = ::dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(found)(1);
    }

    std::vector<A> a_;
    std::vector<B> b_;
    std::vector<C> c_;
    dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream_{engine_};
    dnnl::matmul product_;
    std::unordered_map<int, dnnl::memory> arguments_;
    std::string implementation_;
};

/// Whether oneDNN's int8 sums are the exact ones on random operands of the whole range. Where there is no instruction for
/// an exact dot product of bytes it may use one that saturates at 16 bits.
template <class A>
[[nodiscard]] bool onednn_is_exact(gemm_shape s) {
    onednn_product<A, std::int8_t, std::int32_t> product{s};
    product();
    for (std::size_t i = 0; i < s.m; ++i)
        for (std::size_t j = 0; j < s.n; ++j) {
            std::int32_t sum = 0;
            for (std::size_t k = 0; k < s.k; ++k) sum += product.a()[i * s.k + k] * product.b()[k * s.n + j];
            if (product.result()[i * s.n + j] != sum) return false;
        }
    return true;
}

} // namespace bench
