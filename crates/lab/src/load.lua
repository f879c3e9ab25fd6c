-- Printed by wrk when it is done: one line that the lab reads.
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("LOAD %d %d %d %d %d\n", summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, summary.duration, latency:percentile(99)))
end
