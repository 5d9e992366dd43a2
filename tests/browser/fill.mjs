// Fills the form of the hosted page in, by the labels that people see.

/** Enters settings and credentials of a system by the names of its connector. */
export async function enter(frame, values) {
  for (const [name, value] of Object.entries(values)) {
    const input = frame.locator(`.form [name="${name}"]`);
    if ((await input.count()) === 0) continue;
    if (!(await input.isVisible())) await frame.locator('details.fold > summary').click();
    await input.fill(String(value));
  }
}

/** Presses the button of the form. */
export const send = frame => frame.locator('.form button[type=submit]').click();

/** Waits until a try has failed and returns what is told. */
export async function failure(frame) {
  const box = frame.locator('.failure:not([hidden])');
  await box.locator('h2').first().waitFor();
  return box.innerText();
}

/** Opens the page and chooses a system by searching for it. */
export async function choose(frame, search, name) {
  await frame.getByRole('searchbox').fill(search);
  await frame.getByRole('button', { name }).click();
}

/** Fills in where Dynamics is and goes to sign in there. Returns the account to sign in with. */
export async function signInElsewhere(frame, stage) {
  const { settings, authorization_server: server } = await stage.systems.dynamics.credentials();
  const { authorize_url, token_url } = server;
  await frame.getByText('Sign in with Microsoft').click();
  await enter(frame, { ...settings, token_url, authorize_url });
  await send(frame);
  return server.accounts[0];
}
