// Drives the review page as a physician does, without script, and checks each
// page with axe (WCAG 2.0 to 2.2, A and AA). Prints one JSON line of what it saw.
//
//   node review-page.cjs BASE LOGIN PASSWORD_FILE NOTE_ID [PICTURES_DIR]
const { chromium } = require('playwright-core');
const { readFileSync } = require('fs');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const [, , base, login, passwordFile, note, pictures] = process.argv;

async function main() {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  const requests = [], violations = [];
  // The page itself must work without script; a second context with script
  // looks at the same pages with axe.
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1400, height: 1000 } });
  const page = await context.newPage();
  page.on('request', r => requests.push(r.url()));
  let n = 0;
  const look = async name => {
    if (pictures) await page.screenshot({ path: `${pictures}/${++n}-${name}.png`, fullPage: true });
    const audit = await browser.newContext({ bypassCSP: true, storageState: await context.storageState(), viewport: { width: 1400, height: 1000 } });
    const p = await audit.newPage();
    await p.goto(page.url());
    await p.evaluate(axe);
    const r = await p.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    for (const v of r.violations) violations.push(`${name}: ${v.id} (${v.nodes.length})`);
    await audit.close();
  };
  await page.goto(`${base}/notes/${note}`);
  await look('signin');
  await page.fill('input[name=login]', login);
  await page.fill('input[name=password]', readFileSync(passwordFile, 'utf8').trim());
  await page.click('button.primary');
  await page.goto(`${base}/`);
  await look('worklist');
  await page.click(`a[href^="/notes/${note}"]`);
  await look('note');
  const cited = await page.locator('.transcript li').count();
  await page.click('text=Read and sign');
  await look('sign');
  const document_ = await page.locator('pre.document').innerText();
  await page.check('#agree');
  await page.click('form button.primary');
  // The page refreshes itself, without script, until every destination is settled.
  for (let i = 0; i < 100 && (await page.locator('li.good').count()) < 3; i++) {
    await page.waitForTimeout(200);
    await page.goto(`${base}/notes/${note}`);
  }
  await look('signed');
  const outcomes = await page.locator('.outcomes li').allInnerTexts();
  await browser.close();
  console.log(JSON.stringify({ cited, document: document_, outcomes, requests, violations }));
}
main().catch(e => { console.error(e); process.exit(1); });
