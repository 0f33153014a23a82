// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/detail/markup.hpp>
#include <lutra/codesign/detail/report_tables.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lutra::detail::page {

/// The colour of class k@p i as #rrggbb: the seven colours of Okabe and Ito (Color Universal Design, 2008) that are not
/// black, then the same lighter, then darker.
[[nodiscard]] inline std::string palette_colour(std::size_t i) {
    struct rgb {
        std::uint8_t red, green, blue;
    };
    constexpr rgb colours[]{{230, 159, 0}, {86, 180, 233}, {0, 158, 115},  {240, 228, 66},
                            {0, 114, 178}, {213, 94, 0},   {204, 121, 167}};
    const rgb c = colours[i % 7];
    std::string out{"#"};
    for (const unsigned full : {c.red, c.green, c.blue}) {
        const unsigned part = i / 7 == 0 ? full : i / 7 == 1 ? (full * 9 + 255 * 11) / 20 : full * 11 / 20;
        (out += "0123456789abcdef"[part / 16]) += "0123456789abcdef"[part % 16];
    }
    return out;
}

/// How the page looks; in the dark, and on paper, too.
inline void put_style(markup& out) {
    out << R"(<style>
:root{color-scheme:light dark;--paper:#ffffff;--ink:#1b232d;--soft:#5a6573;--line:#e1e6ec;--edge:#9aa5b1;--tile:#f4f6f9;
--point:#8b96a3;--front:#0072b2;--chosen:#d55e00;--exact:#007f5c;--uniform:#e69f00;--violet:#b0518a;--sky:#2f95cf}
@media (prefers-color-scheme:dark){:root{--paper:#11161d;--ink:#e4e9ef;--soft:#9da9b7;--line:#29323d;--edge:#65717f;
--tile:#1a212b;--point:#798594;--front:#56b4e9;--chosen:#f07a2b;--exact:#1fbf92;--uniform:#f0b433;--violet:#d58fb8;
--sky:#9ad4f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:2.6rem 1.4rem 3rem}
h1{font-size:2rem;line-height:1.2;margin:0 0 .35rem;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:1.28rem;margin:2.9rem 0 .4rem;padding-top:1.1rem;border-top:1px solid var(--line)}
p{margin:.45rem 0;max-width:76ch;overflow-wrap:anywhere}
.what,.note,figcaption,footer,small{color:var(--soft)}
.what b{color:var(--ink);font-weight:600}
.note,figcaption,footer{font-size:.86rem}
.lead{font-size:1.16rem;line-height:1.5;border-left:4px solid var(--chosen);padding-left:.9rem;margin:1.1rem 0 .7rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.7rem;margin:1.5rem 0 0}
.tile{background:var(--tile);border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem}
.tile dt{color:var(--soft);font-size:.8rem}
.tile dd{margin:0;font-size:1.45rem;font-weight:600;line-height:1.3}
.tile dd.note{font-size:.8rem;font-weight:400}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.2rem;padding:0;margin:.7rem 0;font-size:.88rem}
.legend li{display:flex;align-items:center;gap:.45rem;overflow-wrap:anywhere}
.legend svg{width:28px;height:16px;flex:none}
.swatch{display:inline-block;width:.85rem;height:.85rem;border-radius:3px;flex:none;margin-right:.45rem;
border:1px solid var(--line);vertical-align:-.08rem}
.legend .swatch{margin-right:0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.1rem}
figure{margin:0 auto;width:100%;max-width:800px}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font-size:11.5px}
svg .tick{fill:var(--soft)}
svg .axis{font-size:13px}
svg .mark{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
svg .strong{font-weight:700;font-size:12.5px}
.bars .strong{font-size:14px}
.bars rect{stroke:var(--paper);stroke-width:1.2px}
.grid{stroke:var(--line);fill:none}
.frame{stroke:var(--edge);fill:none}
.points{fill:var(--point);fill-opacity:.42}
.front-area{fill:var(--front);fill-opacity:.06}
.stair{fill:none;stroke:var(--front);stroke-width:1.6px;stroke-linejoin:round}
.front{fill:var(--front);stroke:var(--paper);stroke-width:1px}
.uniform{fill:var(--uniform);stroke:var(--ink);stroke-width:.8px}
.reference{fill:var(--exact);stroke:var(--ink);stroke-width:.8px}
.ring{fill:none;stroke:var(--chosen);stroke-width:3px;pointer-events:all}
.leader{stroke:var(--edge);stroke-width:.8px;fill:none}
.line{fill:none;stroke-width:2.2px;stroke-linejoin:round;stroke-linecap:round}
.line0{stroke:var(--front)}
.line1{stroke:var(--chosen);stroke-dasharray:9 4}
.line2{stroke:var(--exact);stroke-dasharray:2 4}
.line3{stroke:var(--uniform)}
.line4{stroke:var(--violet);stroke-dasharray:9 4 2 4}
.line5{stroke:var(--sky);stroke-dasharray:5 5}
.line.band{stroke:none;opacity:.14;fill:var(--point)}
.line.line0.band{fill:var(--front)}
.line.line1.band{fill:var(--chosen)}
.line.line2.band{fill:var(--exact)}
.line.line3.band{fill:var(--uniform)}
.line.line4.band{fill:var(--violet)}
.line.line5.band{fill:var(--sky)}
.random{stroke:var(--soft);stroke-dasharray:4 3;stroke-width:1.6px}
.scroll{overflow:auto;margin:.6rem 0;max-width:100%}
.tall{max-height:34rem;width:fit-content;scrollbar-gutter:stable}
table{border-collapse:separate;border-spacing:0;font-size:.88rem}
th{font-weight:600;text-align:left}
thead th{position:sticky;top:0;z-index:2;background:var(--paper);vertical-align:bottom;border-bottom:1.5px solid var(--edge)}
.plain th,.plain td{padding:.28rem .9rem .28rem .3rem;border-bottom:1px solid var(--line)}
.plain td,.plain thead th+th{text-align:right}
.plain .total th,.plain .total td{font-weight:600;border-top:1.5px solid var(--edge)}
.chosen th,.plain .chosen td,.map .chosen .number{background:var(--tile);color:var(--chosen);font-weight:700}
.map{font-size:.76rem}
.map th,.map td{padding:.24rem .45rem;white-space:nowrap}
.map td{text-align:center;border:1px solid var(--paper);border-radius:5px}
.heat{font-size:.88rem}
.heat th,.heat td{padding:.42rem 1rem}
.map .number,.map tbody th{text-align:right}
.map tbody th{position:sticky;left:0;z-index:1;background:var(--paper)}
.map .chosen td{border-color:var(--chosen)}
.map .gene{text-align:center}
.gene span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);max-height:11rem;overflow:hidden}
.scale{display:flex;align-items:center;gap:.6rem;font-size:.86rem;color:var(--soft)}
.ramp{width:12rem;height:.8rem;border-radius:3px;
background:linear-gradient(90deg,rgba(86,180,233,.75),transparent 50%,rgba(213,94,0,.75))}
pre{background:var(--tile);border:1px solid var(--line);border-radius:8px;padding:1rem 1.1rem;overflow:auto;max-height:34rem;
font:.82rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line)}
@media print{.scroll,pre{max-height:none;overflow:visible}h2{break-after:avoid}figure,tr{break-inside:avoid}}
)";
    out << ".k0{background:var(--tile);color:var(--soft);fill:var(--edge)}\n";
    for (std::size_t i = 0; i < palette_size; ++i) {
        const std::string colour = palette_colour(i);
        const bool dark = i / 7 == 2 || i == 4; // white stands out better on these
        out << ".k" << i + 1 << "{background:" << colour << ";fill:" << colour << ";color:#";
        out << std::string_view{dark ? "fff" : "000"} << "}\n";
    }
    out << "</style>\n";
}

} // namespace lutra::detail::page
