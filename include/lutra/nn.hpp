// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the nn room: Vision Transformers in float and int8, their policies and workloads; hosted, also training,
/// calibration, prediction and model files.

// IWYU pragma: begin_exports
#include <lutra/core/config.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/activate_sums.hpp>
#include <lutra/nn/activation_counter.hpp>
#include <lutra/nn/activation_hook.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/attention.hpp>
#include <lutra/nn/block_ranks.hpp>
#include <lutra/nn/control_variate.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/describe_training.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/frozen_network.hpp>
#include <lutra/nn/frozen_vit.hpp>
#include <lutra/nn/int8_layers.hpp>
#include <lutra/nn/int8_linear.hpp>
#include <lutra/nn/int8_low_rank.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/integer_linear_attention.hpp>
#include <lutra/nn/integer_policy.hpp>
#include <lutra/nn/integer_vit.hpp>
#include <lutra/nn/observe.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/nn/packed_vit.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/sparse_int8_weights.hpp>
#include <lutra/nn/swin_shapes.hpp>
#include <lutra/nn/token_flow.hpp>
#include <lutra/nn/token_rows.hpp>
#include <lutra/nn/transformer_shapes.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/nn/vit_parameters.hpp>
#if LUTRA_HOSTED
    #include <lutra/nn/train/activation_thresholds.hpp>
    #include <lutra/nn/train/backward.hpp>
    #include <lutra/nn/train/calibrate_vit.hpp>
    #include <lutra/nn/train/checkpoint.hpp>
    #include <lutra/nn/train/fit_control_variate.hpp>
    #include <lutra/nn/train/float_pass.hpp>
    #include <lutra/nn/train/gradient_pruning.hpp>
    #include <lutra/nn/train/hidden_thresholds.hpp>
    #include <lutra/nn/train/loss.hpp>
    #include <lutra/nn/train/low_rank_layers.hpp>
    #include <lutra/nn/train/model_file.hpp>
    #include <lutra/nn/train/optimizer.hpp>
    #include <lutra/nn/train/predict.hpp>
    #include <lutra/nn/train/product_backward.hpp>
    #include <lutra/nn/train/pruned_attention.hpp>
    #include <lutra/nn/train/pruned_pass.hpp>
    #include <lutra/nn/train/quantized_forward.hpp>
    #include <lutra/nn/train/quantized_pass.hpp>
    #include <lutra/nn/train/tau_curve_file.hpp>
    #include <lutra/nn/train/token_pass.hpp>
    #include <lutra/nn/train/token_steps.hpp>
    #include <lutra/nn/train/trainer.hpp>
    #include <lutra/nn/train/weight_masks.hpp>
#endif
// IWYU pragma: end_exports
