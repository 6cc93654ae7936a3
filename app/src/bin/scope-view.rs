//! bin.
use scope_app::feed::Feed;
use scope_app::view::{Engine, api};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut feed = Feed::new();
    let mut i = 0;
    while i < args.len() && args[i] == "--report" {
        let name = &args[i + 1];
        let (enc, gz) = scope_shared::wire::encoding_of_file(name).unwrap();
        let body = std::fs::read(name).unwrap();
        feed.add_report(name, scope_shared::wire::decode_report(&body, enc, gz).unwrap());
        i += 2;
    }
    let mut engine = Engine::new(feed);
    for p in &args[i + 1..] {
        println!("{}", String::from_utf8(api::get(&mut engine, p)).unwrap());
    }
}
