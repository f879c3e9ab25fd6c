-- A customer who reads: a request every 400 ms on each connection. Prints one line that the test reads.
function delay()
  return 400
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("CUSTOMER %d %d %d\n", summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
