// Paths are relative: the server may be mounted under a prefix.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // Nothing is sent to a validator, and no key is kept in the browser.
  validatorUrl: null,
  persistAuthorization: false,
});
