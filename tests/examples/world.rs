//! Starts the containers of the end-to-end tests and keeps them until Enter is pressed: something to look at while working on the page.

use scope_tests::Result;
use scope_tests::world::World;

fn main() -> Result<()> {
    let world = World::start()?;
    println!("the shop is open; press Enter to close it");
    std::io::stdin().read_line(&mut String::new())?;
    drop(world);
    Ok(())
}
