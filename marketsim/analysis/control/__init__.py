"""Controls of a stressed feeder day by day: rules, experts and policies on the same days, with paired statistics."""
