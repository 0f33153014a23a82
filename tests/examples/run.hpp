// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/io/file.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/trainer.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

/// How a program ended and what it said, standard error included.
struct program_result {
    int status = -1;
    std::string output;
};

inline program_result run(const std::string& command) {
    program_result r;
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return r;
    std::array<char, 4096> buffer{};
    for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) r.output.append(buffer.data(), n);
    const int raw = pclose(pipe);
    r.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return r;
}

/// A folder of its own for a test, gone afterwards.
class scratch_folder {
public:
    scratch_folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "lutra-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// A data set of few images: the bundled test sample plays both parts.
inline void make_data(const scratch_folder& folder) {
    for (const std::string part : {"images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"})
        for (const std::string set : {"train-", "t10k-"})
            std::filesystem::copy_file(std::string{LUTRA_SAMPLES} + "/fashion-mnist-test-1000-" + part,
                                       folder / (set + part));
}

inline void write_bytes(const std::string& path, const std::vector<std::byte>& bytes) {
    const auto written = lutra::write_file_atomically(path, bytes);
    if (!written) throw std::runtime_error(std::string{written.error().message.view()});
}

/// A network small enough for a sanitised run: 28 x 28 images, 4 patches, one block.
inline lutra::vit_config tiny_config() {
    lutra::vit_config c;
    c.patch = 14;
    c.dim = 8;
    c.depth = 1;
    c.heads = 2;
    c.mlp = 12;
    c.input_mean = {0.286f};
    c.input_std = {0.353f};
    return c;
}

/// Writes a tiny network with weights of a seed; `change` may spoil it first.
template <class Change>
void write_tiny_model(const std::string& path, Change&& change) {
    const lutra::vit_config c = tiny_config();
    std::vector<float> values(lutra::vit_parameters<float>::count(c));
    lutra::initialize(lutra::vit_parameters<float>{c, values}, 7);
    lutra::safetensors_writer out;
    change(c, values, out);
    write_bytes(path, *out.bytes());
}
inline void write_tiny_model(const std::string& path) {
    write_tiny_model(path, [](const lutra::vit_config& c, std::vector<float>& values, lutra::safetensors_writer& out) {
        lutra::add_vit(out, lutra::vit_parameters<const float>{c, values});
    });
}
