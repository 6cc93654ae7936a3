//! Table mode: every column sorts both ways as the original's did, rows without a value come last, keys walk, links lead on.

use scope_tests::wait::until;
use scope_tests::{Result, ensure};

use super::{Stage, legacy};

/// The texts of a column, by its id, top down. A metric's cell also has a bar without text.
async fn column(stage: &Stage, id: &str) -> Result<Vec<String>> {
    let at = stage
        .value(&format!(
            "[...document.querySelectorAll('.table-view thead th')].findIndex(h => h.dataset.column === '{id}') + 1"
        ))
        .await?;
    ensure!(at != "0", "there is no column {id}");
    if id == "label" {
        // What is no container has a second text beside its name.
        return stage.texts("tr.node th .name").await;
    }
    stage.texts(&format!("tr.node > :nth-child({at})")).await
}

async fn sort(stage: &Stage, id: &str, wanted: &str) -> Result<Vec<String>> {
    // By script: a header may be scrolled below the column that stays.
    stage
        .browser
        .script(&format!("document.querySelector('th[data-column={id}] button').click()"))
        .await?;
    until(&format!("{id} sorts {wanted}"), || async {
        let now = stage
            .value(&format!("document.querySelector('th[data-column={id}]').getAttribute('aria-sort')"))
            .await?;
        ensure!(now == wanted, "it sorts {now}");
        Ok(())
    })
    .await?;
    column(stage, id).await
}

/// A number with the original's units: `4.6MB`, `0.43%`, `1.2k`.
fn number(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "KB" => 1024.0,
        "MB" => 1024.0 * 1024.0,
        "GB" => 1024.0 * 1024.0 * 1024.0,
        _ => 1.0,
    };
    digits.parse::<f64>().ok().map(|value| value * factor)
}

fn ascends<T: PartialOrd>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair[0] <= pair[1])
}

#[tokio::test]
async fn the_table_sorts_walks_and_leads_on() -> Result<()> {
    let stage = Stage::open("table", &["recorded-clean"]).await?;
    stage
        .load(&legacy(r#"{"topologyId":"containers","topologyViewMode":"grid"}"#))
        .await?;
    stage.shows(27).await?;
    stage.rows(27).await?;

    // Without a choice: the first metric, the largest first, what has none last.
    let cpu = column(&stage, "docker_cpu_total_usage").await?;
    let values: Vec<f64> = cpu.iter().filter_map(|text| number(text)).rev().collect();
    ensure!(values.len() >= 20 && ascends(&values), "CPU is {cpu:?}");
    ensure!(cpu.last().is_some_and(String::is_empty), "the Internet has no CPU: {cpu:?}");

    for (id, down_first) in [
        ("docker_memory_usage", true),
        ("label", false),
        ("docker_image_name", false),
        ("hosts", false),
    ] {
        let (first, second) = if down_first {
            ("descending", "ascending")
        } else {
            ("ascending", "descending")
        };
        for (turn, wanted) in [first, second].into_iter().enumerate() {
            let shown = sort(&stage, id, wanted).await?;
            ensure!(shown.len() == 27, "{id}: {} rows", shown.len());
            let filled: Vec<&String> = shown.iter().filter(|text| !text.is_empty()).collect();
            ensure!(
                shown.iter().skip(filled.len()).all(String::is_empty),
                "{id} {wanted}: rows without a value come last: {shown:?}"
            );
            let numbers: Vec<f64> = filled.iter().filter_map(|text| number(text)).collect();
            let in_order = if id == "docker_memory_usage" {
                let mut numbers = numbers;
                if wanted == "descending" {
                    numbers.reverse();
                }
                ascends(&numbers)
            } else {
                let mut texts: Vec<String> = filled.iter().map(|text| text.to_lowercase()).collect();
                if wanted == "descending" {
                    texts.reverse();
                }
                ascends(&texts)
            };
            ensure!(in_order, "{id} {wanted}, turn {turn}: {shown:?}");
        }
    }
    stage.at("#/containers/table?sort=-hosts").await?;

    // A link's order holds from the start, and Back undoes each choice.
    stage
        .load(&legacy(
            r#"{"gridSortedBy":"docker_memory_usage","gridSortedDesc":false,"topologyId":"containers","topologyViewMode":"grid"}"#,
        ))
        .await?;
    stage
        .says(
            "document.querySelector('th[data-column=docker_memory_usage]')?.getAttribute('aria-sort')",
            "ascending",
        )
        .await?;
    stage.click("th[data-column=label] button").await?;
    stage
        .says(
            "document.querySelector('th[data-column=label]').getAttribute('aria-sort')",
            "ascending",
        )
        .await?;
    stage.browser.script("history.back()").await?;
    stage
        .says(
            "document.querySelector('th[data-column=docker_memory_usage]').getAttribute('aria-sort')",
            "ascending",
        )
        .await?;

    // Keys: down three rows, open the fourth; Escape closes; a click on the same row toggles.
    stage.browser.script("document.querySelector('.table-view').focus()").await?;
    stage.press("\u{e015}\u{e015}\u{e015}").await?;
    let fourth = stage.value("document.querySelectorAll('tr.node')[3].dataset.node").await?;
    stage.press("\u{e007}").await?;
    stage.says("document.querySelector('.card')?.dataset.card", &fourth).await?;
    stage.says("document.querySelector('tr.chosen')?.dataset.node", &fourth).await?;
    stage.press("\u{e00c}").await?;
    stage.holds("!document.querySelector('.card')").await?;

    // A link in a cell opens the relative without choosing the row.
    stage.click("tr.node td button.link").await?;
    stage.holds("document.querySelector('.card')").await?;
    stage.holds("!document.querySelector('tr.chosen')").await?;
    stage.click(".card [aria-label='Close details']").await?;

    // A live search leaves what matches; what it found is marked.
    stage.browser.type_into("#search", "label:shop_").await?;
    until("only the shop is left", || async {
        let names = stage.texts("tr.node th .name").await?;
        ensure!(
            names.len() == 7 && names.iter().all(|name| name.starts_with("shop_")),
            "there are {names:?}"
        );
        Ok(())
    })
    .await?;
    stage.holds("document.querySelectorAll('tr.node th mark').length === 7").await?;
    stage.browser.no_errors().await
}
