//! What the counts say: pain, anomaly and malice, kept apart.
