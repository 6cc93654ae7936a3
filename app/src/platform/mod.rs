//! The browser, as far as the rest of the app needs it: worker, storage, clock, network, files. The only place besides `ui` and `scene/gl`
//! that names `web_sys`; it decides nothing.

pub mod worker;
