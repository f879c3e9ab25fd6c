//! What single paths of the app need.

/// Settings of paths, the longest matching prefix first.
#[derive(Clone, Debug, Default)]
pub struct Routes(Vec<Route>);

/// One `[[site.route]]`.
#[derive(Clone, Debug)]
pub struct Route {
    /// Paths that begin with this.
    pub path: String,
    /// The largest request body, in bytes.
    pub body_bytes: Option<u64>,
    /// Whether a WebSocket may be opened.
    pub websocket: bool,
    /// Whether answers may take long to begin (reports, exports): the origin's deadline does not apply.
    pub long: bool,
}

impl Routes {
    /// These routes.
    pub fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        Self(routes)
    }

    /// The settings of a path.
    pub(crate) fn of(&self, path: &str) -> Option<&Route> {
        self.0.iter().find(|route| path.starts_with(route.path.as_str()))
    }
}

/// The largest request body where no route says more (decision-science, section 9).
pub const BODY_BYTES_DEFAULT: u64 = 1024 * 1024;
/// Bodies up to this size are read before a slot is taken, so that a slow upload holds none.
pub(crate) const BODY_BYTES_READ_FIRST: u64 = 64 * 1024;
