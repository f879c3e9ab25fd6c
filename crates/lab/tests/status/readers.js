// The client of npm reads a status page: what it makes of it, as JSON.
//
// Usage: node readers.js http://ADDRESS

const { Statuspage } = require("statuspage.io");

const page = new Statuspage("shop");
page.setApiUrl(process.argv[2]);

const names = (list) => list.map((one) => one.name);

(async () => {
  const summary = await page.api.getSummary();
  console.log(
    JSON.stringify({
      status: (await page.api.getStatus()).status.indicator,
      components: names((await page.api.getComponents()).components),
      incidents: names((await page.api.incidents.getAll()).incidents),
      unresolved: names((await page.api.incidents.getUnresolved()).incidents),
      upcoming: names((await page.api.scheduledMaintenances.getUpcoming()).scheduled_maintenances),
      summary: names(summary.incidents),
    }),
  );
})();
