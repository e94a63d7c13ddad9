/**
 * The API reference as one page, made of the document: no script, no font, no image, so that it needs nothing from anywhere and
 * its policy forbids everything but its own style.
 */
import { createHash } from 'node:crypto';
import { fieldRow, fieldsOf, kindOf } from './page-schema.ts';
import { html, Html, inline, prose } from './html.ts';
import { isObject, type Json, type JsonObject } from './json-schema.ts';
import { STYLE } from './page-style.ts';

/** The Content-Security-Policy of the page: this style and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

/** Not in the template: the policy names the hash of every character in between. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

type Operation = { readonly method: string; readonly path: string; readonly says: JsonObject };

/** The page. */
export function apiPage(document: JsonObject): string {
  const info = objectAt(document, 'info');
  const groups = objectsAt(document, 'tags').map((tag) => ({
    name: textAt(tag, 'name'),
    about: textAt(tag, 'description'),
    operations: operationsOf(document).filter(({ says }) => stringsAt(says, 'tags').includes(textAt(tag, 'name'))),
  }));
  const schemas = Object.entries(objectAt(objectAt(document, 'components'), 'schemas'));
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Quorum API</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <div class="page">
          <nav aria-label="Contents">
            <a href="#top"><strong>Quorum API</strong></a>
            ${groups.map(
              ({ name, operations }) =>
                html`<h2>${name}</h2>
                  <ul>
                    ${operations.map(
                      ({ says }) =>
                        html`<li><a href="#${textAt(says, 'operationId')}">${textAt(says, 'summary')}</a></li>`,
                    )}
                  </ul>`,
            )}
            <h2>Schemas</h2>
            <ul>
              ${schemas.map(([name]) => html`<li><a href="#schema-${name}">${name}</a></li>`)}
            </ul>
          </nav>
          <main id="top">
            <h1>${textAt(info, 'title')} API</h1>
            <p class="dim">
              Version ${textAt(info, 'version')}. The same for programs: <a href="/openapi.json">openapi.json</a>,
              OpenAPI ${textAt(document, 'openapi')}.
            </p>
            ${prose(textAt(info, 'description'))}
            ${groups.map(
              ({ name, about, operations }) =>
                html`<h2 class="group">${name}</h2>
                  <p class="dim">${about}</p>
                  ${operations.map((one) => operationOf(one, document))}`,
            )}
            <h2 class="group">Schemas</h2>
            ${schemas.map(([name, schema]) => schemaOf(name, isObject(schema) ? schema : {}))}
          </main>
        </div>
      </body>
    </html> `;
  return page.text;
}

function operationsOf(document: JsonObject): Operation[] {
  return Object.entries(objectAt(document, 'paths')).flatMap(([path, methods]) =>
    Object.entries(isObject(methods) ? methods : {}).flatMap(([method, says]) =>
      isObject(says) ? [{ method, path, says }] : [],
    ),
  );
}

function operationOf({ method, path, says }: Operation, document: JsonObject): Html {
  const parameters = objectsAt(says, 'parameters').map((parameter) => {
    const schema = {
      ...objectAt(parameter, 'schema'),
      description: `In the ${textAt(parameter, 'in')}. ${textAt(parameter, 'description')}`,
    };
    return fieldRow(textAt(parameter, 'name'), schema, parameter['required'] === true);
  });
  const body = jsonOf(objectAt(says, 'requestBody'));
  const answers = Object.entries(objectAt(says, 'responses')).map(([status, response]) =>
    responseRow(status, resolved(isObject(response) ? response : {}, document)),
  );
  return html`<section class="operation" id="${textAt(says, 'operationId')}">
    <h3>${textAt(says, 'summary')}</h3>
    <code class="route"><span class="method ${method}">${method.toUpperCase()}</span> ${path}</code>
    ${prose(textAt(says, 'description'))}
    ${
      parameters.length === 0
        ? html``
        : html`<h4>Takes</h4>
            <dl class="fields">${parameters}</dl>`
    }
    ${
      body === undefined
        ? html``
        : html`<h4>Body</h4>
            <p>${kindOf(body)}</p>`
    }
    <h4>Answers</h4>
    <table>
      ${answers}
    </table>
  </section>`;
}

function responseRow(status: string, response: JsonObject): Html {
  const kinds = Object.entries(objectAt(response, 'content')).map(([type, media]) => {
    const schema = isObject(media) ? objectAt(media, 'schema') : {};
    // A refusal is always a problem; its kinds are in the words.
    if (type === 'application/problem+json') return html``;
    return html` <span class="kind">${type === 'application/json' ? kindOf(schema) : type}</span>`;
  });
  return html`<tr>
    <td>${status}</td>
    <td>${inline(textAt(response, 'description'))}${kinds}</td>
  </tr>`;
}

function schemaOf(name: string, schema: JsonObject): Html {
  const fields = fieldsOf(schema);
  return html`<section class="operation" id="schema-${name}">
    <h3>${name}</h3>
    <p>${inline(textAt(schema, 'description'))}</p>
    ${fields.length === 0 ? html`<p>${kindOf(schema)}</p>` : fields}
  </section> `;
}

/** What stands in the place of a reference into the document. */
function resolved(value: JsonObject, document: JsonObject): JsonObject {
  const ref = value['$ref'];
  if (typeof ref !== 'string') return value;
  return ref.replace('#/', '').split('/').reduce<JsonObject>(objectAt, document);
}

function jsonOf(message: JsonObject): JsonObject | undefined {
  const media = objectAt(objectAt(message, 'content'), 'application/json');
  return Object.keys(media).length === 0 ? undefined : objectAt(media, 'schema');
}

function objectAt(value: JsonObject, key: string): JsonObject {
  const found = value[key];
  return isObject(found) ? found : {};
}

function objectsAt(value: JsonObject, key: string): JsonObject[] {
  return listAt(value, key).filter(isObject);
}

function stringsAt(value: JsonObject, key: string): string[] {
  return listAt(value, key).filter((one) => typeof one === 'string');
}

function listAt(value: JsonObject, key: string): readonly Json[] {
  const found = value[key];
  return Array.isArray(found) ? found : [];
}

function textAt(value: JsonObject, key: string): string {
  const found = value[key];
  return typeof found === 'string' ? found : '';
}
