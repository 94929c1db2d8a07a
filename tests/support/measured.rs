//! What a test went through, in a line for `tests/reliability/scoreboard.py`.

use serde_json::Value;

/// Says it, before it is judged. `figures` is an object of counts under their names in the plural; of what is named
/// `most ...` the scoreboard keeps the largest, of all else the sum.
#[expect(clippy::print_stdout, reason = "the scoreboard reads it there")]
pub fn measured(figures: &Value) {
    println!("reliability: {figures}");
}
