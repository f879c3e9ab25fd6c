mod alarms;
mod bounds;
mod judging;
mod learning;
mod world;
