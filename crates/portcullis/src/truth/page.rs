//! What the record and the page are told by a configuration.

use std::time::Duration;

use incident::{ComponentSetting, Settings, Watches};

use super::Press;

/// What is watched and how it is told, and where pages are made.
pub(crate) struct Page {
    pub(crate) settings: Settings,
    /// `None`: no page is made.
    pub(crate) press: Option<Box<dyn Press>>,
}

impl Page {
    /// As the configuration says; without a table for the page the record is kept all the same.
    pub(crate) fn of(status: Option<&config::Status>) -> Self {
        let settings = status.map_or_else(unconfigured, |status| Settings {
            components: status.components().iter().map(component).collect(),
            first_notice: status.first_notice,
        });
        Self { settings, press: None }
    }
}

fn unconfigured() -> Settings {
    let website = ComponentSetting {
        name: "Website".to_owned(),
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Site,
    };
    Settings { components: vec![website], first_notice: FIRST_NOTICE }
}

fn component(component: &config::StatusComponent) -> ComponentSetting {
    ComponentSetting {
        name: component.name.clone(),
        groups: component.group.as_ref().map(|group| group.levels().to_vec()).unwrap_or_default(),
        description: component.description.clone().unwrap_or_default(),
        watches: match component.watches {
            config::Watches::Site => Watches::Site,
            config::Watches::Login => Watches::Login,
            config::Watches::Nothing => Watches::Nothing,
        },
    }
}

/// As the configuration's default.
const FIRST_NOTICE: Duration = Duration::from_secs(120);
