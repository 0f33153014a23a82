// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/train/checkpoint.hpp>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>

namespace {

using trainer = lutra::vit_trainer<>;

/// A folder of its own, removed with all that is in it.
struct scratch_folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("lutra_checkpoint_" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    scratch_folder() { std::filesystem::create_directories(path); }
    ~scratch_folder() { std::filesystem::remove_all(path); }
};

trainer new_trainer(std::uint64_t seed = 1) { return {tiny_config(), {.batch = 20, .seed = seed}}; }

/// @p steps steps, each on all images.
void train(trainer& t, int steps) {
    constexpr std::size_t count = 20;
    const auto pixels = random_bytes(count * t.config().image_size(), 5), labels = random_bytes(count, 6, 5);
    lutra::serial_executor ex;
    for (int s = 0; s < steps; ++s) t.step(ex, pixels, labels, t.order(count, t.state().step), 100, t.state().step);
}

bool same(trainer& a, trainer& b) {
    const auto &x = a.state(), &y = b.state();
    return x.parameters == y.parameters && x.first == y.first && x.second == y.second && x.step == y.step;
}

/// Reads @p file as a checkpoint of run "r": an error with @p code and @p part in its sentence, and nothing changed.
void expect_error(const std::filesystem::path& file, lutra::error_code code, const std::string& part) {
    trainer t = new_trainer(7), untouched = new_trainer(7);
    const auto read = lutra::read_checkpoint(file, t, "r");
    REQUIRE_FALSE(read);
    const std::string sentence{read.error().message.view()};
    INFO(sentence);
    CHECK(read.error().code == code);
    CHECK(sentence.find(part) != std::string::npos);
    CHECK(sentence.find(file.filename().string()) != std::string::npos);
    CHECK(same(t, untouched));
}

} // namespace

TEST_CASE("checkpoint: a trainer goes on bit for bit") {
    const scratch_folder folder;
    const auto file = folder.path / "a.checkpoint";
    trainer whole = new_trainer(), before = new_trainer(), after = new_trainer(9);
    train(whole, 5);
    train(before, 3);
    REQUIRE(lutra::write_checkpoint(file, before, "seed 1, \"quoted\""));
    REQUIRE(lutra::read_checkpoint(file, after, "seed 1, \"quoted\""));
    CHECK(same(after, before));
    // The seed is the options' and not the state's: one goes on with the trainer of the same run.
    trainer again = new_trainer();
    REQUIRE(lutra::read_checkpoint(file, again, "seed 1, \"quoted\""));
    train(again, 2);
    CHECK(same(again, whole));
    // It is a model file as well.
    CHECK(lutra::read_vit(*lutra::safetensors::read(file))->values == before.state().parameters);
}

TEST_CASE("checkpoint: no prefix of one is taken") {
    const scratch_folder folder;
    const auto file = folder.path / "a.checkpoint", cut = folder.path / "cut.checkpoint";
    trainer t = new_trainer();
    train(t, 1);
    REQUIRE(lutra::write_checkpoint(file, t, "r"));
    const auto bytes = *lutra::read_file(file);
    trainer reader = new_trainer(7), untouched = new_trainer(7);
    for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 61) {
        REQUIRE(lutra::write_file_atomically(cut, std::span{bytes}.first(size)));
        CHECK_FALSE(lutra::read_checkpoint(cut, reader, "r"));
    }
    REQUIRE(lutra::write_file_atomically(cut, std::span{bytes}.first(bytes.size() - 1)));
    CHECK_FALSE(lutra::read_checkpoint(cut, reader, "r"));
    CHECK(same(reader, untouched));
    CHECK_FALSE(lutra::read_checkpoint(folder.path / "absent", reader, "r"));
}

TEST_CASE("checkpoint: what is wrong is said") {
    const scratch_folder folder;
    const auto file = folder.path / "spoilt.checkpoint";
    trainer t = new_trainer();
    train(t, 1);
    using lutra::error_code;
    struct contents {
        std::map<std::string, std::string> metadata;
        std::map<std::string, std::vector<float>> moments;
    };
    const auto spoil = [&](lutra::vit_config c, const std::function<void(contents&)>& change) {
        contents has{{{"training.run", "r"}, {"training.step", "1"}},
                     {{"training.first_moment", t.state().first}, {"training.second_moment", t.state().second}}};

        change(has);
        lutra::safetensors_writer out;
        const auto values = random_parameters(c, 1);
        lutra::add_vit(out, lutra::vit_parameters<const float>{c, values});
        for (const auto& [key, value] : has.metadata) out.metadata(key, value);
        for (const auto& [name, moment] : has.moments) out.add(name, {moment.size()}, moment);
        REQUIRE(out.write(file));
    };
    const lutra::vit_config c = tiny_config();
    const auto expect = [&](const std::function<void(contents&)>& change, error_code code, const std::string& part) {
        spoil(c, change);
        expect_error(file, code, part);
    };
    spoil(c, [](contents&) {});
    trainer reader = new_trainer();
    CHECK(lutra::read_checkpoint(file, reader, "r"));
    CHECK(reader.state().step == 1);

    expect([](contents& f) { f.metadata.erase("training.run"); }, error_code::missing, "not a checkpoint");
    expect([](contents& f) { f.metadata["training.run"] = "another"; }, error_code::mismatch, "another run (another)");
    expect([](contents& f) { f.metadata.erase("training.step"); }, error_code::missing, "training.step");
    expect([](contents& f) { f.metadata["training.step"] = "-3"; }, error_code::malformed, "-3");
    expect([](contents& f) { f.moments.erase("training.second_moment"); }, error_code::missing, "training.second_moment");
    expect([](contents& f) { f.moments["training.first_moment"].pop_back(); }, error_code::mismatch,
           "training.first_moment");
    expect([](contents& f) { f.moments["training.second_moment"][4] = -1; }, error_code::malformed, "element 4");
    expect([](contents& f) { f.moments["training.first_moment"][2] = std::numeric_limits<float>::infinity(); },
           error_code::not_finite, "training.first_moment");
    lutra::vit_config other = c;
    other.heads = 2;
    spoil(other, [](contents&) {});
    expect_error(file, error_code::mismatch, "another config");
}
