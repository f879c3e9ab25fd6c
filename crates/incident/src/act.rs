//! What people do.

use model::Timestamp;

use crate::words::{PublicId, Stage, Status};

/// What an act is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum About {
    /// An incident.
    Incident(PublicId),
    /// The incident that it opens, which is the newest then.
    NewIncident,
    /// A component, by its full name.
    Component(String),
    /// Work.
    Work(PublicId),
    /// The work that it announces, whose revision is the highest then.
    NewWork,
}

/// One thing that a person wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// Tell of something that the gate does not see.
    Open {
        /// One line.
        title: String,
        /// [`Stage::Investigating`], [`Stage::Identified`] or [`Stage::Monitoring`].
        stage: Stage,
        /// Plain text.
        body: String,
        /// Full names, and how they do until it is over.
        components: Vec<(String, Status)>,
    },
    /// Say something about an incident.
    Update {
        /// Which; `None`: the newest that goes on.
        incident: Option<PublicId>,
        /// `None`: as before.
        stage: Option<Stage>,
        /// Plain text.
        body: String,
        /// Needed for [`Stage::Resolved`] while the gate sees that it goes on.
        reason: Option<String>,
    },
    /// Publish the planned notice now.
    Publish,
    /// Do not publish the planned notice, nor another about the same.
    Hold,
    /// See to an incident: nobody is called about it until it gets worse than it was, or is over and back.
    Acknowledge {
        /// Which; `None`: the newest that goes on, told or not.
        incident: Option<PublicId>,
    },
    /// Write something down about an incident that the public does not read.
    Note {
        /// Which; `None`: the newest that goes on, told or not.
        incident: Option<PublicId>,
        /// Plain text.
        text: String,
    },
    /// Say how a component does; `None` leaves it to the gate again.
    Override {
        /// Its full name.
        component: String,
        /// How.
        status: Option<Status>,
    },
    /// Announce work.
    Announce {
        /// One line.
        title: String,
        /// Plain text.
        body: String,
        /// When it is to begin.
        from: Timestamp,
        /// When it is to end.
        until: Timestamp,
        /// Full names.
        components: Vec<String>,
    },
    /// Announced work is over, or does not take place.
    Finish {
        /// Which.
        maintenance: PublicId,
    },
    /// Keep what people have written of the report about an incident; nothing is published.
    Draft {
        /// Which.
        incident: PublicId,
        /// Markdown, as the draft of the record is.
        body: String,
    },
    /// Publish the report about an incident.
    Report {
        /// Which.
        incident: PublicId,
        /// Plain text.
        body: String,
    },
}

/// Why an act is not carried out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ActError {
    /// There is none with this id.
    #[error("there is no incident {0}; `portcullis ctl incident` lists them")]
    NoIncident(PublicId),
    /// None goes on.
    #[error("no incident goes on; `portcullis ctl incident open` begins one")]
    NoneOpen,
    /// It does not go on.
    #[error("incident {0} is over")]
    Over(PublicId),
    /// Nothing waits to be published.
    #[error("no notice waits to be published")]
    NothingPlanned,
    /// No such component.
    #[error(
        "there is no component `{0}`; the configuration has them as [[status.component]], groups come first: `Group / Name`"
    )]
    NoComponent(String),
    /// One component twice.
    #[error("the component `{0}` is named twice; say once how it does")]
    Twice(String),
    /// No such work.
    #[error("there is no maintenance {0}")]
    NoMaintenance(PublicId),
    /// A text that must say something is empty.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// A text is too long.
    #[error("the {0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// The same was said a moment ago.
    #[error("the same words were said less than five minutes ago")]
    Repeated,
    /// It goes on, as the gate sees it.
    #[error(
        "the gate sees that it is not over: {0}; to call it resolved all the same, give a reason, which will be shown"
    )]
    NotOver(String),
    /// It is not any more as it was when somebody decided.
    #[error("it has changed since you looked; read how it is now, and decide again")]
    Changed,
    /// A report in which questions are left.
    #[error(
        "the report still says TODO {0} times; answer each, or take the line out, and publish it then. A draft may be kept as it is"
    )]
    Unfinished(usize),
    /// A report with boxes of its review that nobody has ticked, and what the first of them is about.
    #[error(
        "the report has {0} open boxes, the first of them: `{1}`; look at each, write [x] into it, and publish it then. A draft may be kept as it is"
    )]
    Unreviewed(usize, String),
    /// A draft that was kept too often.
    #[error(
        "this draft was kept {0} times already, and each one stays in the record; publish it, or go on in a file"
    )]
    Drafts(u32),
    /// A stage that cannot come next.
    #[error("an incident cannot go on with the stage `{0}`")]
    Stage(&'static str),
    /// It ends before it begins, or has ended already.
    #[error("the work must end after it begins, and after now")]
    Times,
    /// More than one goes on.
    #[error("several incidents go on; say which: `portcullis ctl incident` lists their ids")]
    Several,
    /// The record could not be kept.
    #[error(
        "it is not on the disk yet, and may be lost if the gate stops now: {0}. Look with `portcullis ctl incident` before you repeat it"
    )]
    Unwritten(String),
}
