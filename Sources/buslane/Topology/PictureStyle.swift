// SPDX-License-Identifier: GPL-3.0-or-later

/// The picture's style sheet: light, and dark where the reader prefers it.
enum PictureStyle {
    /// Owners' colours; letters distinguish them as well.
    private static let light = [
        "#2563c9", "#a8327d", "#0b7568", "#b4500a", "#6a45c9", "#86610c", "#b3303a", "#3f6b1f",
    ]
    private static let dark = [
        "#7fb0ff", "#f09acb", "#5fd6c6", "#ffb27a", "#b9a1ff", "#e5c36a", "#ff9a9f", "#a7d67f",
    ]
    static var ownerColours: Int { light.count }

    static var sheet: String { base + owners(light) + "@media (prefers-color-scheme:dark){\(night)\(owners(dark))}" }

    private static func owners(_ colours: [String]) -> String {
        colours.enumerated().map { ".o\($0){fill:\($1);stroke:\($1)}" }.joined()
    }

    private static let base = """
        :root{color-scheme:light dark}\
        text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;font-size:12px;fill:#1b2430}\
        .mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:14px;font-weight:600}\
        .page{fill:#f3f5f8}\
        .area{fill:#fff;stroke:#d5dbe3}\
        .card{fill:#f9fafc;stroke:#e1e6ec}\
        .chip{fill:#e9edf2}\
        .track{fill:#e4e9ef}\
        .h1{font-size:26px;font-weight:700}\
        .h2{font-size:17px;font-weight:700}\
        .quiet{fill:#566273}\
        .small{font-size:11px}\
        .right{text-anchor:end}\
        .cell{stroke-width:1.2}\
        .vfio{fill:url(#hatch);stroke:#2c8a4b}\
        .unbound{fill:#fff;stroke:#97a3b2;stroke-dasharray:3 2}\
        .host{fill:#dde3ea;stroke:#b3bdc9}\
        .index{font-size:8.5px;fill:#566273}\
        .sign{font-size:14px;font-weight:700;text-anchor:middle}\
        .group{font-size:8.5px;text-anchor:middle;fill:#566273}\
        .warn{fill:#a33a00;font-weight:700}\
        .on{fill:#fff}\
        .ring{fill:none;stroke:#697687;stroke-width:1.6}\
        .join{fill:#b9c4d2}\
        .hatchbg{fill:#eaf6ee}.hatchline{stroke:#b5dcc1;stroke-width:2}
        """

    private static let night = """
        text{fill:#e6ebf1}\
        .page{fill:#0d1218}\
        .area{fill:#141b23;stroke:#2a3541}\
        .card{fill:#19222c;stroke:#2d3946}\
        .chip{fill:#26323f}\
        .track{fill:#2a3541}\
        .quiet,.index,.group{fill:#9aa7b7}\
        .vfio{stroke:#4fb873}\
        .unbound{fill:#10171e;stroke:#66758a}\
        .host{fill:#2e3a48;stroke:#46556a}\
        .warn{fill:#ffab73}\
        .on{fill:#0d1218}\
        .ring{stroke:#8b99ab}\
        .join{fill:#526175}\
        .hatchbg{fill:#14281c}.hatchline{stroke:#24492f}
        """
}
