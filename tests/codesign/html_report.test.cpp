// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "exploration_sample.hpp"
#include "support/catch.hpp"

#include <lutra/codesign/html_report.hpp>

#include <cctype>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using nlohmann::json;
using pointer = json::json_pointer;

std::size_t occurrences(std::string_view text, std::string_view of) {
    std::size_t n = 0;
    for (std::size_t at = text.find(of); at != text.npos; at = text.find(of, at + of.size())) ++n;
    return n;
}

/// What is wrong with a page, if anything: a tag that is not closed in its turn, an attribute that is not quoted or occurs
/// twice, a bare < or & or >, an attribute with "nan" or "inf" in it, unless it is text for people.
std::string fault_of(std::string_view page) {
    std::vector<std::string> open;
    std::size_t at = 0;
    const auto near = [&] { return " near '" + std::string{page.substr(at, 60)} + "'"; };
    const auto name = [&] {
        const std::size_t first = at;
        while (at < page.size() && (std::isalnum(static_cast<unsigned char>(page[at])) != 0 || page[at] == '-')) ++at;
        return std::string{page.substr(first, at - first)};
    };
    const auto entity = [&] { // at an &
        for (const std::string_view known : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"})
            if (page.substr(at).starts_with(known)) return true;
        return false;
    };
    if (!page.starts_with("<!DOCTYPE html>\n")) return "no doctype";
    at = 16;
    while (at < page.size()) {
        const bool style = !open.empty() && open.back() == "style";
        if (page[at] == '>' && !style) return "a bare >" + near();
        if (page[at] == '&' && !entity()) return "a bare &" + near();
        if (page[at++] != '<') continue;
        if (page.substr(at).starts_with('/')) {
            ++at;
            const std::string closed = name();
            if (open.empty() || open.back() != closed || page.substr(at, 1) != ">")
                return "</" + closed + "> has no start" + near();
            open.pop_back(), ++at;
            continue;
        }
        const std::string tag = name();
        if (tag.empty()) return "a bare <" + near();
        std::vector<std::string> attributes;
        while (page.substr(at).starts_with(' ')) {
            ++at;
            attributes.push_back(name());
            if (std::count(attributes.begin(), attributes.end(), attributes.back()) > 1)
                return "an attribute twice" + near();
            if (attributes.back().empty() || page.substr(at, 2) != "=\"") return "an attribute without quotes" + near();
            const std::size_t first = at += 2;
            for (; at < page.size() && page[at] != '"'; ++at)
                if (page[at] == '<' || (page[at] == '&' && !entity())) return "an attribute with markup" + near();
            std::string value{page.substr(first, at - first)};
            for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            const bool words =
                attributes.back() == "aria-label" || attributes.back() == "title" || attributes.back() == "content";
            if (!words && (value.find("nan") != value.npos || value.find("inf") != value.npos)) return value + near();
            ++at;
        }
        const bool empty = page.substr(at).starts_with('/');
        at += empty ? 1 : 0;
        if (page.substr(at, 1) != ">") return "a tag without an end" + near();
        ++at;
        if (!empty) open.push_back(tag);
    }
    return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

/// The page of a document that is right, after a look at its tags.
std::string page_of(const json& document) {
    const auto page = lutra::html_report(document);
    INFO((page ? std::string{} : std::string{page.error().message.view()}));
    REQUIRE(page.has_value());
    CHECK(fault_of(*page) == "");
    return *page;
}
bool has(const std::string& page, std::string_view words) { return page.find(words) != page.npos; }

void refused(const json& document, lutra::error_code code, const std::string& words) {
    const auto page = lutra::html_report(document);
    INFO(words);
    REQUIRE(!page.has_value());
    INFO(std::string{page.error().message.view()});
    CHECK(page.error().code == code);
    CHECK(page.error().message.view().find(words) != std::string_view::npos);
}

const json& sample() {
    static const json document = sample_exploration();
    return document;
}
json with(const char* path, json value) {
    json document = sample();
    document[pointer{path}] = std::move(value);
    return document;
}

} // namespace

TEST_CASE("fault_of: finds what is wrong with a page") {
    const std::string start = "<!DOCTYPE html>\n";
    CHECK(fault_of(start + "<p class=\"a\">1 &lt; 2<br/></p>") == "");
    for (const char* wrong :
         {"<p>", "</p>", "<p></b></p>", "<b><p></b></p>", "<p a=b></p>", "<p a></p>", "<p a=\"\" a=\"\"></p>",
          "<p a=\"<\"></p>", "1 < 2", "1 > 2", "a & b", "<p a=\"M1 nan\"></p>", "<p x=\"-Inf\"></p>", "<p"})
        CHECK(fault_of(start + wrong) != "");
}

TEST_CASE("html_report: has every part of a full document") {
    const std::string page = page_of(sample());
    for (const char* part : {"fronts", "convergence", "assignments", "energy", "sensitivity", "front", "policy"})
        CHECK(has(page, "<section id=\"" + std::string{part} + "\">"));
    CHECK(occurrences(page, "<svg class=\"chart\"") == 7); // six pairs of four objectives, and the convergence
    CHECK(occurrences(page, "class=\"stair\"") == 7);      // once in the legend
    CHECK(occurrences(page, "class=\"ring\"") == 7);
    CHECK(occurrences(page, "class=\"line ") == 8); // four methods and their legend
    CHECK(occurrences(page, "class=\"line random\"") == 2);
    CHECK(occurrences(page, "<title>drum4 in every layer: ") == 6);
    const std::size_t front = sample()["front"].size();
    CHECK(occurrences(page, "<circle class=\"front\"") == 6 * front + 1);
    CHECK(occurrences(page, "<tr class=\"chosen\">") == 3);
    CHECK(has(page, "using chosen_policy = lutra::layers&lt;lutra::drum&lt;6&gt;, lutra::exact&gt;;"));
    CHECK(has(page, "A fifth less energy"));
    CHECK(!has(page, "://"));
    CHECK(!has(page, "<script"));
    CHECK(page == page_of(sample()));
}

TEST_CASE("html_report: says in figures what was gained, and draws it where it is") {
    const std::vector<json> objectives{sample()["objectives"][0], sample()["objectives"][1]};
    json d = sample();
    d["objectives"] = objectives;
    d["genes"] = {{{"name", "only"}, {"alternatives", {"exact", "drum4"}}}};
    d["points"] = json::parse(R"([{"objectives": [10, 8]}, {"objectives": [20, 2]}, {"objectives": [20, 8]},
                                  {"objectives": [null, null]}])");
    d["front"] = json::parse(R"([{"number": 1, "genes": [1], "objectives": [20, 2], "test_accuracy": 0.89},
                                 {"number": 0, "genes": [0], "objectives": [10, 8], "test_accuracy": 0.91}])");
    d["uniform"] = json::parse(R"([{"name": "drum4", "objectives": [20, 4]}])");
    d["chosen"]["front"] = 0;
    d["chosen"]["reference"] = json::parse(R"({"name": "exact", "objectives": [10, 8], "test_accuracy": 0.91})");
    d["chosen"]["best_uniform"] = json::parse(R"({"name": "drum4", "objectives": [20, 4], "test_accuracy": 0.895})");
    const std::string page = page_of(d), nb = "\xC2\xA0", mu = "\xC2\xB5", minus = "\xE2\x88\x92";
    CHECK(
        has(page, "Against exact and drum4 in every layer, the chosen configuration has error on 1,000 training images 20" +
                      nb + "% (+10 points and 0 points), energy an image 2" + nb + mu + "J (" + minus + "75.0" + nb +
                      "% and " + minus + "50.0" + nb + "%), test accuracy 89.00" + nb + "% (" + minus + "2.00 points and " +
                      minus + "0.50 points)."));
    // The axes run from 9.5 to 20.5 over 474 pixels, and from 1.7 to 8.3 over 332.
    CHECK(has(page, "class=\"stair\" d=\"M93.5 14V29.1H524.5V330.9H546\""));
    CHECK(has(page, "<circle cx=\"524.5\" cy=\"29.1\" r=\"1.9\"/></g>"));
    CHECK(occurrences(page, "r=\"1.9\"") == 1); // not what is infeasible, nor what is on the front
    CHECK(has(page, "<circle class=\"ring\" cx=\"524.5\" cy=\"330.9\" r=\"8\">"));
    CHECK(page.find("<th scope=\"row\">0</th>") < page.find("<th scope=\"row\">\xE2\x97\x8E 1</th>")); // by error
    CHECK(has(page, "<td class=\"k0\">exact</td>"));
    CHECK(has(page, "<td class=\"k1\">drum4</td>"));
    CHECK(has(page, "<td>20</td><td><b>2</b></td><td>89.00</td>"));

    // A point that another beats in these two objectives is no corner.
    d["front"].push_back({{"number", 2}, {"genes", {0}}, {"objectives", {15, 8}}});
    CHECK(has(page_of(d), "class=\"stair\" d=\"M93.5 14V29.1H524.5V330.9H546\""));

    d["chosen"]["best_uniform"] = nullptr;
    CHECK(has(page_of(d),
              "Against exact, the chosen configuration has error on 1,000 training images 20" + nb + "% (+10 points), "));
}

TEST_CASE("html_report: every field that has to be there is missed by name") {
    using enum lutra::error_code;
    refused(json::array(), wrong_type, "an exploration is of type array; expected an object");
    refused(json{}, wrong_type, "an exploration is of type null");
    for (const char* path : {"/title",
                             "/network",
                             "/accelerator",
                             "/method",
                             "/seed",
                             "/images",
                             "/evaluations",
                             "/infeasible",
                             "/seconds",
                             "/overhead_share",
                             "/hypervolume",
                             "/objectives",
                             "/objectives/1/name",
                             "/objectives/1/label",
                             "/objectives/1/unit",
                             "/genes",
                             "/genes/3/name",
                             "/genes/3/alternatives",
                             "/uniform/0/name",
                             "/uniform/0/objectives",
                             "/points",
                             "/points/5/objectives",
                             "/front",
                             "/front/2/number",
                             "/front/2/genes",
                             "/front/2/objectives",
                             "/chosen",
                             "/chosen/front",
                             "/chosen/reference",
                             "/chosen/reference/name",
                             "/chosen/best_uniform/objectives",
                             "/chosen/energy",
                             "/chosen/energy/0/component",
                             "/chosen/energy/0/chosen_nj",
                             "/chosen/energy/0/reference_nj",
                             "/chosen/policy",
                             "/convergence",
                             "/convergence/1/method",
                             "/convergence/1/evaluations",
                             "/convergence/1/hypervolume",
                             "/sensitivity/rows",
                             "/sensitivity/columns",
                             "/sensitivity/drop",
                             "/sensitivity/multiplier"}) {
        json document = sample();
        const pointer field{path};
        document[field.parent_pointer()].erase(field.back());
        std::string shown{path + 1};
        for (std::size_t at = shown.find('/'); at != shown.npos; at = shown.find('/')) {
            const std::size_t digits = shown.find_first_not_of("0123456789", at + 1) - at - 1;
            shown.replace(at, digits > 0 ? digits + 1 : 1, digits > 0 ? "[" + shown.substr(at + 1, digits) + "]" : ".");
        }
        refused(document, missing, "'" + shown + "' is missing");
        document[field] = json::object({{"a", 1}});
        refused(document, shown == "chosen" || shown == "chosen.reference" ? missing : wrong_type, "'" + shown);
    }
}

TEST_CASE("html_report: refuses with a sentence what cannot be") {
    using enum lutra::error_code;
    refused(with("/title", 3), wrong_type, "'title' is of type number; expected a string");
    refused(with("/seed", -1), wrong_type, "'seed' is of type number; expected a whole number that is not negative");
    refused(with("/images", 1.5), wrong_type, "'images' is of type number; expected a whole number");
    refused(with("/seconds", "long"), wrong_type, "'seconds' is of type string; expected a number or null");
    refused(with("/points/7", 1), wrong_type, "'points[7]' is of type number; expected an object");
    refused(with("/points", "all"), wrong_type, "'points' is of type string; expected an array");
    refused(with("/points/7/objectives/2", "x"), wrong_type, "'points[7].objectives[2]' is of type string");
    refused(with("/points/7/objectives", {1, 2}), mismatch, "'points[7].objectives' has 2 elements; expected 4");
    refused(with("/uniform/1/objectives", json::array()), mismatch, "'uniform[1].objectives' has 0 elements; expected 4");
    refused(with("/front/1/test_accuracy", "good"), wrong_type, "'front[1].test_accuracy' is of type string");
    refused(with("/front/1/genes", {0}), mismatch, "'front[1].genes' has 1 elements; expected 14, one for each gene");
    refused(with("/front/1/genes/3", 7), mismatch, "'front[1].genes' takes alternative 7 of gene 3, which has 7");
    refused(with("/front/1/genes/3", -1), wrong_type, "'front[1].genes[3]' is of type number");
    refused(with("/chosen/front", sample()["front"].size()), mismatch, "'chosen.front' is ");
    refused(with("/chosen/energy/0/chosen_nj", true), wrong_type, "'chosen.energy[0].chosen_nj' is of type boolean");
    refused(with("/convergence/0/hypervolume", {1}), mismatch, "'convergence[0].hypervolume' has 1 elements; expected 60");
    refused(with("/sensitivity/drop", {{1, 2, 3, 4}}), mismatch, "'sensitivity.drop' has 1 elements; expected 6");
    refused(with("/sensitivity/drop/2", {1}), mismatch, "'sensitivity.drop[2]' has 1 elements; expected 4");
    refused(with("/objectives", json::array()), wrong_size, "'objectives' has 0 elements; expected 1 to 4");
    refused(with("/genes", json::array()), wrong_size, "'genes' has 0 elements; expected 1 to 256");
    json five = sample();
    five["objectives"].push_back(five["objectives"][0]);
    refused(five, wrong_size, "'objectives' has 5 elements");
}

TEST_CASE("html_report: every string comes out as text") {
    json document = sample();
    std::size_t number = 0;
    replace_strings(document, "</title><script>alert(\"1\")</script>'&\x01\xFF", number);
    const std::string page = page_of(document);
    CHECK(!has(page, "<script"));
    CHECK(!has(page, "\x01"));
    CHECK(!has(page, "\xFF"));
    const std::string escaped =
        "&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;\xEF\xBF\xBD\xEF\xBF\xBD";
    std::vector<std::string> shown;
    for (const char* path : {"/title", "/network", "/accelerator", "/method", "/objectives/0/name", "/objectives/0/label",
                             "/genes/3/name", "/uniform/2/name", "/chosen/reference/name", "/chosen/best_uniform/name",
                             "/chosen/sentence", "/chosen/policy", "/chosen/energy/1/component", "/convergence/1/method",
                             "/sensitivity/rows/0", "/sensitivity/columns/1", "/sensitivity/multiplier"}) {
        const auto words = document[pointer{path}].get<std::string>();
        INFO(path);
        CHECK(has(page, escaped + words.substr(words.find('\xFF') + 1)));
    }
    const std::size_t in_title = page.find("<title>" + escaped);
    CHECK(in_title < page.find("<body>"));
    CHECK(has(page.substr(page.find("<body>")), "<title>" + escaped)); // of a mark in SVG

    // Characters of two, three and four bytes stay; halves, overlong ones and surrogates do not.
    document =
        with("/title", "\xC3\xBC\xE2\x82\xAC\xF0\x9F\xA6\xA6|\xC3|\xC0\xAF|\xE0\x80\x80|\xED\xA0\x80|\xF4\x90\x80\x80|");
    CHECK(has(page_of(document), "<h1>\xC3\xBC\xE2\x82\xAC\xF0\x9F\xA6\xA6|\xEF\xBF\xBD|"));
    CHECK(occurrences(page_of(document), "\xEF\xBF\xBD") == 2 * (1 + 2 + 3 + 3 + 4)); // twice, a replacement a byte
}

TEST_CASE("html_report: numbers that are none, and numbers beyond reason, draw nothing") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    for (const json& odd : {json{}, json(nan), json(infinity), json(-infinity), json(1e308), json(-1e308), json(1e99),
                            json(-1e99), json(1e-320), json(0.0), json(-0.0), json(-5.25), json(1e7), json(123456789.5)}) {
        INFO(odd.dump());
        json document = sample(), all = sample();
        document["hypervolume"] = document["seconds"] = document["overhead_share"] = odd;
        for (const char* path :
             {"/points/0/objectives/1", "/front/0/objectives/0", "/front/1/test_accuracy", "/uniform/3/objectives/2",
              "/chosen/reference/objectives/0", "/chosen/reference/test_accuracy", "/chosen/energy/0/chosen_nj",
              "/convergence/0/evaluations/3", "/convergence/1/hypervolume/3", "/sensitivity/drop/1/1"})
            document[pointer{path}] = odd;
        const std::string page = page_of(document);
        CHECK(occurrences(page, "<svg class=\"chart\"") == 7);

        // The same everywhere: nothing has a range.
        const auto replace = [&](auto&& self, json& inside) -> void {
            if (inside.is_structured())
                for (json& element : inside) self(self, element);
            else if (inside.is_number())
                inside = odd;
        };
        for (const char* part : {"points", "uniform", "convergence", "sensitivity"}) replace(replace, all[part]);
        for (json& point : all["front"]) replace(replace, point["objectives"]);
        for (const char* part : {"reference", "best_uniform", "energy"}) replace(replace, all["chosen"][part]);
        const std::string flat = page_of(all);
        CHECK(!has(flat, "NaN"));
        for (const char* end : {"<", " ", ","})
            for (const char* word : {"nan", "inf"}) CHECK(!has(flat, std::string{word} + end));
    }
}

TEST_CASE("html_report: a number that is none is a dash, and its configuration infeasible") {
    const auto grey = [](const json& document) { return occurrences(page_of(document), "r=\"1.9\""); };
    json document = sample();
    document["points"].push_back({{"objectives", {30, 12, 470, 4}}});
    const std::size_t before = grey(document);
    for (const json& odd : {json{}, json(std::numeric_limits<double>::quiet_NaN()), json(1e101), json(-1e308)}) {
        document["points"].back()["objectives"][2] = odd;
        CHECK(grey(document) == before - 6);
        CHECK(has(page_of(with("/sensitivity/drop/0/0", odd)), "rgba(213,94,0,0.000)\">\xE2\x80\x93</td>"));
    }
    document["points"].back()["objectives"][2] = 471;
    CHECK(grey(document) == before);

    lutra::svg_chart chart{lutra::svg_axis::linear(0, 1), lutra::svg_axis::linear(0, 1), "x", "y", "nothing"};
    lutra::detail::page::markup& body = chart.body();
    const std::size_t start = body.text().size();
    body << chart.x(std::numeric_limits<double>::quiet_NaN()) << " " << chart.y(1e300) << " " << -0.04 << " " << -12.25;
    CHECK(body.text().substr(start) == "0 0 0 -12.3");
}

TEST_CASE("html_report: bars are as long as their energies, and what is no energy has no length") {
    const std::string page =
        page_of(with("/chosen/energy", {{{"component", "a"}, {"chosen_nj", 1000}, {"reference_nj", 1000}},
                                        {{"component", "b"}, {"chosen_nj", nullptr}, {"reference_nj", 2000}},
                                        {{"component", "c"}, {"chosen_nj", -5}, {"reference_nj", 1000}}}));
    CHECK(has(page, "<rect class=\"k1\" x=\"90\" y=\"4\" width=\"185\" height=\"52\"><title>a: 1.0 \xC2\xB5J, 100.0"));
    CHECK(has(page, "x=\"283\" y=\"35\">1.0 \xC2\xB5J</text>"));
    CHECK(has(page, "<rect class=\"k2\" x=\"275\" y=\"66\" width=\"370\""));
    CHECK(has(page, "<rect class=\"k3\" x=\"645\" y=\"66\" width=\"185\""));
    CHECK(has(page, "x=\"838\" y=\"97\">4.0 \xC2\xB5J</text>"));
    CHECK(has(page, "<td>\xE2\x80\x93</td><td>2.0</td><td>\xE2\x80\x93</td>"));
}

TEST_CASE("html_report: several runs of a method have a band from the least to the greatest") {
    json d = sample();
    d["convergence"] = json::parse(R"([{"method": "mcts", "evaluations": [1, 2, 3], "hypervolume": [1, 2, 2],
                                        "least": [0, 1, 1], "greatest": [2, 2, 4]}])");
    const std::string page = page_of(d);
    // The axes run from 0.9 to 3.1 over 474 pixels, and from 0 to 4.2 over 332: along the greatest, back along the least.
    CHECK(has(page, "<path class=\"line line0 band\" d=\"M93.5 187.9H524.5V29.8H524.5V29.8V267H309V346H93.5Z\"/>"));
    CHECK(has(page, "bands reach from the least to the greatest"));
    CHECK(!has(page_of(sample()), "bands reach"));
    // The first fiftieth of the evaluations is not drawn: the axis begins at 2 of 100.
    json late = d;
    late["convergence"] =
        json::parse(R"([{"method": "mcts", "evaluations": [1, 2, 51, 100], "hypervolume": [-9, 0, 1, 1]}])");
    CHECK(has(page_of(late), "<path class=\"line line0\" d=\"M81 346H302.4V29.8H523.9V29.8\">"));
    d["convergence"][0]["greatest"] = {1, 2};
    refused(d, lutra::error_code::mismatch, "'convergence[0].greatest' has 2 elements; expected 3");
    d["convergence"][0].erase("greatest");
    refused(d, lutra::error_code::missing, "'convergence[0].greatest' is missing");
}

TEST_CASE("html_report: says how well accuracy was foretold") {
    json d = sample();
    CHECK(!has(page_of(d), "id=\"predictors\""));
    d["predictors"] = json::parse(R"([{"name": "a <guess>", "designs": 1200, "rank_correlation": 0.8765,
                                       "mean_error": 1.234}, {"name": "none", "designs": 3, "rank_correlation": null,
                                       "mean_error": null}])");
    const std::string page = page_of(d);
    CHECK(has(page, "<th scope=\"row\">a &lt;guess&gt;</th><td>1,200</td><td>0.876</td><td>1.23</td>"));
    CHECK(has(page, "<td>3</td><td>\xE2\x80\x93</td><td>\xE2\x80\x93</td>"));
    d["predictors"][0].erase("designs");
    refused(d, lutra::error_code::missing, "'predictors[0].designs' is missing");
}

TEST_CASE("html_report: what may be missing may be missing") {
    json document = sample();
    for (const char* part : {"uniform", "sensitivity", "chosen"}) document[part] = nullptr;
    for (json& point : document["front"]) point.erase("test_accuracy");
    std::string page = page_of(document);
    CHECK(!has(page, "class=\"ring\""));
    CHECK(!has(page, "<section id=\"energy\">"));
    CHECK(!has(page, "<section id=\"sensitivity\">"));
    CHECK(!has(page, "test accuracy"));

    document.erase("chosen");
    refused(document, lutra::error_code::missing, "'chosen' is missing"); // with a front there should be one
    for (const char* part : {"front", "points", "convergence"}) document[part] = json::array();
    page = page_of(document);
    CHECK(has(page, "There is nothing to draw"));
    CHECK(!has(page, "<svg"));

    json one = with("/chosen/sentence", nullptr);
    one["chosen"]["front"] = 0;
    one["chosen"].erase("best_uniform");
    one["chosen"]["energy"] = json::array();
    one["points"].erase(one["points"].begin() + 1, one["points"].end());
    one["front"].erase(one["front"].begin() + 1, one["front"].end());
    one["uniform"] = json::array();
    page = page_of(one);
    CHECK(occurrences(page, "class=\"stair\"") == 7);
    CHECK(!has(page, "class=\"lead\""));

    const std::string single = page_of(sample_exploration({60, 1, 3}));
    CHECK(has(single, "There is one objective"));
    CHECK(occurrences(page_of(sample_exploration({60, 2, 3})), "<svg class=\"chart\"") == 2);
    CHECK(occurrences(page_of(sample_exploration({60, 3, 3})), "<svg class=\"chart\"") == 4);
    CHECK(has(page_of(with("/evaluations", 0)), "<dt>evaluations</dt><dd>0</dd>"));
}

TEST_CASE("html_report: large explorations are thinned, the same way each time") {
    json document = sample_exploration({2000, 4, 64});
    const json point = document["points"][0], spare = document["front"][0];
    // What is not on the front lies behind it; the first is far out.
    document["points"] = json::array();
    for (std::size_t i = 0; i < 20000; ++i) {
        const double x = static_cast<double>(i);
        document["points"].push_back({{"objectives", {40 + x / 2000, 14 + x / 9000, 500 + x / 999, i == 0 ? 900.0 : 5.0}}});
    }
    const std::string page = page_of(document);
    CHECK(occurrences(page, "r=\"1.9\"") == 6 * 3000 - 3); // the first lies beyond the axis of area
    CHECK(occurrences(page, "<figcaption>1 evaluated points lie beyond these axes.</figcaption>") == 3);
    CHECK(has(page, "Of 20,000 evaluated points that are not on the front, 3,000 are drawn"));
    CHECK(page.size() < 3'000'000);

    // All of them on the front, and texts that are long.
    document["front"] = json::array();
    for (std::size_t i = 0; i < 20000; ++i) {
        json next = spare;
        const double x = static_cast<double>(i);
        next["number"] = i, next["objectives"] = {x, 20000 - x, x + 1, 20000 - x};
        document["front"].push_back(std::move(next));
    }
    document["chosen"]["front"] = 12345;
    for (json& objective : document["objectives"]) objective["name"] = objective["unit"] = std::string(500, 'x');
    const std::string crowded = page_of(document);
    CHECK(crowded.size() < 3'000'000);
    CHECK(occurrences(crowded, "<circle class=\"front\"") <= 6 * 400 + 1);
    CHECK(occurrences(crowded, "<circle class=\"front\"") > 6 * 390);
    CHECK(occurrences(crowded, "\xE2\x97\x8E 12345</th>") == 2); // the chosen one is in both tables
    CHECK(has(crowded, "of the front's 20,000 points"));
}

TEST_CASE("svg_axis: nice ticks within the axis, whatever it covers") {
    const auto spread = [](double low, double high) {
        const auto axis = lutra::svg_axis::linear(low, high);
        CHECK(axis.ticks().size() >= 3);
        CHECK(axis.ticks().size() <= 10);
        for (std::size_t i = 0; i < axis.ticks().size(); ++i) {
            CHECK(axis.place(axis.ticks()[i]) >= 0);
            CHECK(axis.place(axis.ticks()[i]) <= 1);
            if (i > 0) CHECK(axis.tick_text(axis.ticks()[i]) != axis.tick_text(axis.ticks()[i - 1]));
        }
        CHECK(axis.place(low) >= 0);
        CHECK(axis.place(high) <= 1);
        return axis;
    };
    const auto axis = spread(8.9, 40);
    CHECK(axis.ticks() == std::vector<double>{10, 15, 20, 25, 30, 35, 40});
    CHECK(spread(0, 1).tick_text(0.2) == "0.2");
    CHECK(spread(1e6, 4e6).tick_text(2e6) == "2,000,000");
    CHECK(spread(0, 4e9).tick_text(2e9) == "2.0\xC2\xB7"
                                           "10\xE2\x81\xB9");
    CHECK(spread(-3, -3).place(-3) == Approx(0.5));
    for (const double v : {0.0, 1e-90, 1.0, -17.3, 1e99, -1e99}) spread(v, v);
    spread(1, 1 + 1e-15), spread(1e5, 1e5 + 0.01), spread(-1e100, 1e100), spread(0, 1e-99), spread(0.1, 0.3);
}
