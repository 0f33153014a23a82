// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

namespace {

std::string command(const scratch_folder& folder, const std::string& output, int epochs, const std::string& more = "") {
    return std::string{LUTRA_TRAIN} + " --data " + folder / "." +
           " --patch 14 --dim 8 --depth 1 --heads 2 --mlp 12 --limit 256" + " --epochs " + std::to_string(epochs) +
           " --batch 32 --threads 2 --output " + folder / output + " " + more;
}

} // namespace

TEST_CASE("an interrupted training ends with the same bytes as one that was not") {
    const scratch_folder folder;
    make_data(folder);
    constexpr int epochs = 100; // long enough that the first interruption comes before the end, on any machine
    const auto whole = run(command(folder, "whole.safetensors", epochs));
    INFO(whole.output);
    REQUIRE(whole.status == 0);
    CHECK(whole.output.find("epoch 100/100") != std::string::npos);

    int interruptions = 0;
    program_result piece{130, ""};
    for (int attempt = 0; piece.status == 130 && attempt < 40; ++attempt) {
        // Each attempt may run a little longer than the last, so that the end is reached on any machine.
        piece = run("timeout --signal=INT --preserve-status " + std::to_string(0.15 + 0.1 * attempt) + " " +
                    command(folder, "pieces.safetensors", epochs));
        interruptions += piece.status == 130;
    }
    INFO(piece.output);
    REQUIRE(piece.status == 0);
    CHECK(interruptions > 0);
    CHECK(*lutra::read_file(folder / "whole.safetensors") == *lutra::read_file(folder / "pieces.safetensors"));
    CHECK_FALSE(std::filesystem::exists(folder / "pieces.safetensors.checkpoint"));
}

TEST_CASE("the checkpoint of another run is not continued") {
    const scratch_folder folder;
    make_data(folder);
    const auto first = run("timeout --signal=INT --preserve-status 3 " + command(folder, "model.safetensors", 100000));
    INFO(first.output);
    REQUIRE(first.status == 130);
    const auto kept = *lutra::read_file(folder / "model.safetensors.checkpoint");
    const auto other = run(command(folder, "model.safetensors", 100000, "--seed 9"));
    CHECK(other.status == 2);
    CHECK(other.output.find("another run") != std::string::npos);
    CHECK(*lutra::read_file(folder / "model.safetensors.checkpoint") == kept);
    CHECK_FALSE(std::filesystem::exists(folder / "model.safetensors"));
}

TEST_CASE("training with pruned gradients says what was zero, and not with what it cannot do") {
    const scratch_folder folder;
    make_data(folder);
    const auto pruned = run(command(folder, "pruned.safetensors", 2, "--activation relu --gradient-sparsity 0.9"));
    INFO(pruned.output);
    CHECK(pruned.status == 0);
    CHECK(pruned.output.find("zeros: activations") != std::string::npos);
    CHECK(pruned.output.find("scratch of a worker") != std::string::npos);
    const auto both = run(command(folder, "both.safetensors", 2, "--tau-gradients 0.001 --tau-activations 0.05"));
    CHECK(both.status == 0);
    CHECK(run(command(folder, "x.safetensors", 2, "--tau-gradients 0.001 --gradient-sparsity 0.9")).status == 2);
    CHECK(run(command(folder, "x.safetensors", 2, "--gradient-sparsity 1")).status == 2);
    CHECK(run(command(folder, "x.safetensors", 2, "--tau-gradients -1")).status == 2);
    CHECK(run(command(folder, "x.safetensors", 2, "--tau-gradients nan")).status == 2);
    const auto tokens = run(command(folder, "x.safetensors", 2, "--tau-gradients 0.001 --tokens keep_top:0.5@0"));
    CHECK(tokens.status == 2);
    INFO(tokens.output);
    CHECK(tokens.output.find("--tokens drops tokens and cannot prune") != std::string::npos);
}
