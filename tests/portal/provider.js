// A provider of sign-ins (OpenID Connect) on loopback: oidc-provider, certified by the OpenID Foundation,
// with its own pages for trials, where any password will do.
import Provider from "oidc-provider";

export const CLIENT = { id: "onecode", secret: "a secret of nobody" };

// `groups` says who is in which; whoever is not there is in none.
export function startProvider(port, redirect, groups) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirect],
        response_types: ["code"],
        grant_types: ["authorization_code"],
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
    conformIdTokenClaims: false, // what a scope gives stands in the ID token
    cookies: { keys: ["only for this run"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: groups[id] ?? [] }),
    }),
  });
  const refusals = [];
  provider.on("grant.error", (_, error) => refusals.push(`grant: ${error.message}`));
  provider.on("server_error", (_, error) => refusals.push(`server: ${error.stack}`));
  const server = provider.listen(port, "127.0.0.1");
  return { issuer, refusals, stop: () => server.close() };
}
