import {
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  ValidateIf,
  ValidateBy,
  type ValidationArguments,
} from 'class-validator';
import { SECRET_MESSAGE, SECRET_REFERENCE } from './secret-reference.js';

/** How git comes to a repository. */
export type RepositoryTransport = 'file' | 'ssh' | 'https';

const SSH = /^(?:ssh:\/\/[\w.+~][\w.+~-]*@[\w.:[\]][\w.:[\]-]*\/|[\w.+~][\w.+~-]*@[\w.][\w.-]*:(?!\/\/))/;
const URL = new RegExp(String.raw`^(?:/(?!/)|https?://[^\s/@?#]+/|${SSH.source.slice(1)})[^\p{Cc}?#]*$`, 'u');
const BRANCH = /^(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$))[\p{L}\p{N}_][\p{L}\p{N}_./-]{0,199}$/u;

export function transportOf({ url }: Pick<RepositorySpec, 'url'>): RepositoryTransport {
  if (url.startsWith('/')) return 'file';
  return url.startsWith('http') ? 'https' : 'ssh';
}

/** A Git repository that configuration files are committed to. */
export class RepositorySpec {
  /** The folder of a bare repository (made where there is none), or an address of ssh or https. */
  @IsString()
  @MaxLength(2_000)
  @Matches(URL, {
    message: 'url must be an absolute path, https://host/path without a user, ssh://user@host/path or user@host:path',
  })
  url!: string;

  @IsOptional()
  @Matches(BRANCH, { message: 'branch must be the name of a branch' })
  branch: string = 'main';

  /** Where in the repository they go, so that several targets fit into one. The name of the target, unless it is given. */
  @IsOptional()
  @Matches(/^(?!.*(?:^|\/)(?:\.{1,2}|\.git)(?:\/|$))[\p{L}\p{N} _.@-]+(?:\/[\p{L}\p{N} _.@-]+)*$/iu, {
    message: 'folder must be names separated by single slashes',
  })
  @MaxLength(300)
  folder?: string;

  /** Where the private key for ssh is (OpenSSH or PEM, without a passphrase). */
  @ValidateIf((spec: RepositorySpec) => spec.key !== undefined || isOf(spec, 'ssh'))
  @Matches(SECRET_REFERENCE, { message: `key ${SECRET_MESSAGE}; ssh needs one` })
  key?: string;

  /** File with the host keys that are believed (as ~/.ssh/known_hosts). */
  @ValidateIf((spec: RepositorySpec) => spec.knownHosts !== undefined || isOf(spec, 'ssh'))
  @Matches(/^\/[^\p{Cc}"]*$/u, { message: 'knownHosts must be an absolute path; ssh needs one' })
  knownHosts?: string;

  /** For https. */
  @IsOptional()
  @Matches(/^[^\p{Cc}]{1,255}$/u, { message: '$property must be 1 to 255 printable characters' })
  user?: string;

  /** For https: the password, or a token. */
  @IsOptional()
  @Matches(SECRET_REFERENCE, { message: `password ${SECRET_MESSAGE}` })
  password?: string;

  /** Certificates (PEM) that the server's own is checked against, instead of those of the system. */
  @IsOptional()
  @Matches(/^\/[^\p{Cc}]*$/u, { message: 'caFile must be an absolute path' })
  caFile?: string;

  /** Who the commits are by. */
  @IsOptional()
  @Matches(/^[^\p{Cc}<>]{1,200} <[^\p{Cc}<>\s]{1,200}>$/u, { message: 'author must be Name <address>' })
  author: string = 'Hozen <hozen@localhost>';
}

function isOf(spec: RepositorySpec, transport: RepositoryTransport): boolean {
  return typeof spec.url === 'string' && transportOf(spec) === transport;
}

/** The method git-config needs one, and no other has one. */
export function HasRepository(): PropertyDecorator {
  const needs = (config: object) => (config as { method?: string }).method === 'git-config';
  const rule = ValidateBy(
    {
      name: 'hasRepository',
      validator: {
        validate: (value: unknown, about?: ValidationArguments) =>
          needs(about?.object ?? {}) === (typeof value === 'object' && value !== null),
      },
    },
    {
      message: ({ object, property }: ValidationArguments) =>
        needs(object) ? `the method git-config needs a ${property}` : `only the method git-config has a ${property}`,
    },
  );
  return (target, property) => {
    ValidateIf((config: Record<string | symbol, unknown>) => needs(config) || config[property] !== undefined)(
      target,
      property,
    );
    rule(target, property);
  };
}
