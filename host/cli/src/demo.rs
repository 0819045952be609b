//! `tidegate demo`.

use crate::args::Demo;
use crate::exit::Exit;
use crate::screen::Screen;

pub fn demo(_wanted: &Demo, _screen: &Screen) -> Result<u8, Exit> {
    Err(Exit::usage("not in this build"))
}
