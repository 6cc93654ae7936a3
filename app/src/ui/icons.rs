//! The page's icons: strokes on a 24 by 24 grid, drawn in the text's colour. Always beside a label or a name for assistive technology.

use leptos::prelude::*;

/// An icon by name; controls name theirs as Font Awesome does. Unknown names are a dot.
pub fn icon(name: &str) -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=path(name) />
        </svg>
    }
    .into_any()
}

fn path(name: &str) -> &'static str {
    match name {
        "search" => "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20",
        "close" | "times" => "M6 6l12 12M18 6 6 18",
        "graph" | "sitemap" => {
            "M12 4.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4ZM6 15.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4ZM18 15.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4ZM11 8.3 7 15.7M13 8.3l4 7.4"
        }
        "table" => "M4 5.5h16v13H4ZM4 10h16M4 14.2h16M10 5.5v13",
        "bars" | "chart-bar" => "M5 20v-8M12 20V5M19 20v-5",
        "play" => "M8 5.5v13l10.5-6.5Z",
        "pause" => "M8.5 5.5v13M15.5 5.5v13",
        "stop" => "M7 7h10v10H7Z",
        "redo" | "sync" | "refresh" | "repeat" => "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4.5V9H15",
        "trash" | "trash-alt" | "trash-o" => "M5 7h14M10 4h4M7 7l.8 12.5h8.4L17 7M10.3 10.5v5.5M13.7 10.5v5.5",
        "terminal" => "M5 7l5 5-5 5M12 18h7",
        "desktop" => "M4 5h16v11H4ZM9 20h6M12 16v4",
        "file-text" | "file-alt" | "logs" => "M6 4h9l3 3v13H6ZM9 11h6M9 15h6",
        "help" | "question" => "M9 9.2a3 3 0 1 1 4.3 2.7c-.9.4-1.3 1-1.3 2.1M12 17.3v.2",
        "tools" | "bug" => "M14.5 5.2a4.2 4.2 0 0 0-5.3 5.3L4.5 15.2l4.3 4.3 4.7-4.7a4.2 4.2 0 0 0 5.3-5.3l-2.6 2.6-2.9-.7-.7-2.9Z",
        "contrast" | "adjust" => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 4v16M12 8h5M12 12h8M12 16h5.5",
        "plus" => "M12 5v14M5 12h14",
        "minus" => "M5 12h14",
        "fit" => "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
        "down" => "M6 9.5l6 6 6-6",
        "up" => "M6 14.5l6-6 6 6",
        "right" => "M9.5 6l6 6-6 6",
        "left" => "M14.5 6l-6 6 6 6",
        "copy" => "M9 9h10v11H9ZM15 9V4.5H5V15h4",
        "check" => "M5 12.5l4.5 4.5L19 7.5",
        "pin" | "thumbtack" => "M9 4h6l-.8 6 3.3 3.5H6.5L9.8 10ZM12 13.5V20",
        "external" => "M10 5H5v14h14v-5M14 4.5h5.5V10M19.5 4.5 11 13",
        "download" => "M12 4v11M7.5 10.5 12 15l4.5-4.5M5 20h14",
        "network" => "M4 18c4-9 12-9 16 0M7 18c2.5-5 7.500-5 10 0M4 18h16",
        "filter" => "M4 6h16M7 12h10M10 18h4",
        "warning" => "M12 4.500 21 19.500H3ZM12 10v4.500M12 17v.2",
        "server" => "M4.500 5h15v5.500h-15ZM4.500 13.500h15V19h-15ZM8 7.700v.1M8 16.200v.1",
        "toggle-on" => "M8 8h8a4 4 0 0 1 0 8H8a4 4 0 0 1 0-8ZM16 10.500a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3Z",
        "toggle-off" => "M8 8h8a4 4 0 0 1 0 8H8a4 4 0 0 1 0-8ZM8 10.500a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3Z",
        "camera" => "M4 8h4l1.500-2.500h5L16 8h4v11H4ZM12 10.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
        "clone" => "M8 8h11v11H8ZM16 8V5H5v11h3",
        "command" => "M5 7h14M5 12h9M5 17h11",
        "link" => "M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1",
        "sort-up" => "M12 18V6M7.500 10.500 12 6l4.500 4.500",
        "sort-down" => "M12 6v12M7.500 13.500 12 18l4.500-4.500",
        _ => "M12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z",
    }
}
