// Finds the packages where run.sh has put them.
import { createRequire } from 'node:module';

/** The folder of everything that the tests leave. */
export const home = process.env.BROWSER_HOME;

const from = createRequire(`${home}/node_modules/`);

export const { chromium } = from('playwright-core');
export const { buildSchema, parse, validate } = from('graphql');
export const axe = from('axe-core').source;
