//! The pages of the app that the world knows.

/// One kind of request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route {
    Home,
    Products,
    Product,
    Cart,
    Account,
    Orders,
    File,
    LoginPage,
    LoginFile,
    LoginSubmit,
    Search,
    Stream,
    Upload,
    Health,
}

impl Route {
    pub(super) const COUNT: usize = 14;

    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::Home,
        Self::Products,
        Self::Product,
        Self::Cart,
        Self::Account,
        Self::Orders,
        Self::File,
        Self::LoginPage,
        Self::LoginFile,
        Self::LoginSubmit,
        Self::Search,
        Self::Stream,
        Self::Upload,
        Self::Health,
    ];

    /// Pages that people look at.
    pub(super) const PAGES: [Self; 5] =
        [Self::Home, Self::Products, Self::Product, Self::Cart, Self::Account];

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::LoginSubmit | Self::Upload => "POST",
            Self::Home
            | Self::Products
            | Self::Product
            | Self::Cart
            | Self::Account
            | Self::Orders
            | Self::File
            | Self::LoginPage
            | Self::LoginFile
            | Self::Search
            | Self::Stream
            | Self::Health => "GET",
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Products => "/products",
            Self::Product => "/product/4711",
            Self::Cart => "/cart",
            Self::Account => "/account",
            Self::Orders => "/api/orders",
            Self::File => "/static/app.css",
            Self::LoginPage | Self::LoginSubmit => "/login",
            Self::LoginFile => "/static/login.js",
            Self::Search => "/search",
            Self::Stream => "/events",
            Self::Upload => "/upload",
            Self::Health => "/health",
        }
    }

    /// The path with what numbers replaced, as rules see it.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Product => "/product/*",
            Self::Home
            | Self::Products
            | Self::Cart
            | Self::Account
            | Self::Orders
            | Self::File
            | Self::LoginPage
            | Self::LoginSubmit
            | Self::LoginFile
            | Self::Search
            | Self::Stream
            | Self::Upload
            | Self::Health => self.path(),
        }
    }

    /// How many times as long as a page it takes in calm (contracts: a login 4, a page or file 1).
    pub(super) const fn services(self) -> f64 {
        match self {
            Self::LoginSubmit => 4.0,
            Self::Search => 20.0,
            Self::Upload => UPLOAD_SERVICES,
            Self::Health => 0.05,
            Self::Home
            | Self::Products
            | Self::Product
            | Self::Cart
            | Self::Account
            | Self::Orders
            | Self::File
            | Self::LoginPage
            | Self::LoginFile
            | Self::Stream => 1.0,
        }
    }

    /// Whether a browser goes there, and can be shown a page instead.
    pub(super) const fn is_navigation(self) -> bool {
        match self {
            Self::Orders | Self::File | Self::LoginFile | Self::Stream | Self::Upload | Self::Health => false,
            Self::Home
            | Self::Products
            | Self::Product
            | Self::Cart
            | Self::Account
            | Self::LoginPage
            | Self::LoginSubmit
            | Self::Search => true,
        }
    }
}

/// An upload takes as long as so many pages.
const UPLOAD_SERVICES: f64 = 40.0;
