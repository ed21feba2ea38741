// Paths are relative: the server may be mounted under a prefix.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  responseInterceptor: withHints,
  // Nothing is sent to a validator, and no key is kept in the browser.
  validatorUrl: null,
  persistAuthorization: false,
});

// "Try it out" fills in the example of every parameter, and no message fits all filters at once.
// The example of a parameter that may be left out becomes a hint in its description.
function withHints(response) {
  if (!response.url.endsWith("/openapi.json")) return response;
  const openapi = JSON.parse(response.text);
  for (const operation of Object.values(openapi.paths).flatMap(Object.values)) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.required || parameter.example === undefined) continue;
      parameter.description += ` For example \`${parameter.example}\`.`;
      delete parameter.example;
    }
  }
  response.text = JSON.stringify(openapi);
  return response;
}
