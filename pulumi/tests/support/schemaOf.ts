/**
 * What a Pulumi schema says of the component, derived from its TypeScript types: the arguments, the types in them, and the
 * outputs. https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
 *
 * A value that is no `pulumi.Input` is `plain`. Resources in place of their ARNs are left out: other languages give the ARN.
 */

import assert from "node:assert/strict";
import * as path from "node:path";

import ts from "typescript";

const SOURCES = path.join(__dirname, "../../component/src");
const PACKAGE = "start-engines:index";

/** A type, as a schema has it. */
export interface TypeSpec {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: TypeSpec;
  readonly additionalProperties?: TypeSpec;
  readonly oneOf?: readonly TypeSpec[];
  readonly plain?: true;
}

/** One argument, field or output. */
export interface PropertySpec extends TypeSpec {
  readonly description?: string;
}

/** By name. */
export type Properties = Readonly<Record<string, PropertySpec>>;

/** A type that has a name: an object, or an enumeration. */
export interface NamedType {
  readonly description?: string;
  readonly type: "object" | "string";
  readonly properties?: Properties;
  readonly required?: readonly string[];
  readonly enum?: readonly { readonly name: string; readonly value: string }[];
}

/** The component. */
export interface ResourceSpec {
  readonly description?: string;
  readonly isComponent: true;
  readonly inputProperties: Properties;
  readonly requiredInputs: readonly string[];
  readonly properties: Properties;
  readonly required: readonly string[];
}

/** The parts of a schema that follow from the types. */
export interface Derived {
  readonly types: Readonly<Record<string, NamedType>>;
  readonly resources: Readonly<Record<string, ResourceSpec>>;
}

/** A type, and whether it is an `Input` or `Output` of it. */
interface Found {
  readonly spec: TypeSpec;
  readonly isEventual: boolean;
}

/** What the component's sources say. */
export function derived(): Derived {
  const config = ts.readConfigFile(path.join(SOURCES, "../tsconfig.json"), (file) => ts.sys.readFile(file));
  const { options, fileNames } = ts.parseJsonConfigFileContent(config.config, ts.sys, path.join(SOURCES, ".."));
  return new Reader(ts.createProgram(fileNames, options)).read();
}

class Reader {
  private readonly checker: ts.TypeChecker;
  private readonly types: Record<string, NamedType> = {};

  constructor(private readonly program: ts.Program) {
    this.checker = program.getTypeChecker();
  }

  read(): Derived {
    const args = this.declared("arguments.ts", "StartEnginesArgs", ts.isInterfaceDeclaration);
    const component = this.declared("startEngines.ts", "StartEngines", ts.isClassDeclaration);
    const { properties: inputProperties, required: requiredInputs } = this.members(args.members.filter(ts.isPropertySignature), "", true);
    const { properties, required } = this.members(component.members.filter(ts.isPropertyDeclaration), "", false);
    const description = this.description(component);
    const resource: ResourceSpec = { ...description, isComponent: true, inputProperties, requiredInputs, properties, required };
    return { types: sorted(this.types), resources: { [`${PACKAGE}:StartEngines`]: resource } };
  }

  private declared<D extends ts.DeclarationStatement>(file: string, name: string, isOne: (node: ts.Node) => node is D): D {
    const statements: readonly ts.Node[] = this.program.getSourceFile(path.join(SOURCES, file))?.statements ?? [];
    const found = statements.filter(isOne).find((node) => node.name?.getText() === name);
    assert.ok(found !== undefined, `${name} is not in ${file}`);
    return found;
  }

  /** Fields with their types. Of inputs, the schema tells those that are plain. */
  private members(
    nodes: readonly (ts.PropertySignature | ts.PropertyDeclaration)[],
    owner: string,
    areInputs: boolean,
  ): { properties: Properties; required: string[] } {
    const properties: Record<string, PropertySpec> = {};
    const required: string[] = [];
    for (const node of nodes) {
      const name = node.name.getText();
      assert.ok(node.type !== undefined, `${name} has no type`);
      const found = this.found(node.type, owner + name.charAt(0).toUpperCase() + name.slice(1));
      properties[name] = { ...(areInputs ? placed(found) : found.spec), ...this.description(node) };
      if (node.questionToken === undefined) required.push(name);
    }
    return { properties: sorted(properties), required: required.sort() };
  }

  /** `name` is that of an object that has no name of its own. */
  private found(node: ts.TypeNode, name: string): Found {
    if (ts.isParenthesizedTypeNode(node) || ts.isTypeOperatorNode(node)) return this.found(node.type, name);
    if (ts.isArrayTypeNode(node)) return plain({ type: "array", items: placed(this.found(node.elementType, name)) });
    if (ts.isUnionTypeNode(node)) return this.union(node, name);
    if (ts.isTypeLiteralNode(node)) return plain(this.object(name, node));
    if (ts.isTypeReferenceNode(node)) return this.reference(node, name);
    // A schema has no single values: what only takes `false` is checked by the class.
    const isFlag = ts.isLiteralTypeNode(node) && node.literal.kind === ts.SyntaxKind.FalseKeyword;
    const type = isFlag ? "boolean" : KEYWORDS.get(node.kind);
    assert.ok(type !== undefined, `${name}: nobody knows how a schema says ${node.getText()}`);
    return plain({ type });
  }

  private union(node: ts.UnionTypeNode, name: string): Found {
    const others = node.types.filter((type) => type.kind !== ts.SyntaxKind.UndefinedKeyword && !this.isResource(type));
    const found = others.map((type) => this.found(type, name));
    const [first] = found;
    assert.ok(first !== undefined, `${name}: nothing is left of ${node.getText()}`);
    if (found.length === 1) return first;
    return { spec: { oneOf: found.map(({ spec }) => spec) }, isEventual: found.some(({ isEventual }) => isEventual) };
  }

  private isResource(node: ts.TypeNode): boolean {
    const type = this.checker.getTypeAtLocation(node);
    return type.getProperty("urn") !== undefined;
  }

  private reference(node: ts.TypeReferenceNode, name: string): Found {
    const called = node.typeName.getText();
    const inner = (n: number): Found => {
      const argument = node.typeArguments?.[n];
      assert.ok(argument !== undefined, `${name}: ${node.getText()}`);
      return this.found(argument, name);
    };
    switch (called) {
      case "pulumi.Input":
      case "pulumi.Output":
        return { spec: inner(0).spec, isEventual: true };
      case "Readonly":
        return inner(0);
      case "Record":
        return plain({ type: "object", additionalProperties: placed(inner(1)) });
      case "List":
        return { spec: { type: "array", items: node.typeArguments === undefined ? { type: "string" } : placed(inner(0)) }, isEventual: true };
      case "pulumi.asset.Archive":
        return plain({ $ref: "pulumi.json#/Archive" });
      default:
        return this.named(node, called);
    }
  }

  private named(node: ts.TypeReferenceNode, called: string): Found {
    const symbol = this.checker.getSymbolAtLocation(node.typeName);
    const own = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? this.checker.getAliasedSymbol(symbol) : symbol;
    const declarations = own?.declarations ?? [];
    const enumeration = declarations.find(ts.isVariableDeclaration);
    if (enumeration !== undefined) return plain(this.enumeration(called, enumeration));
    const alias = declarations.find(ts.isTypeAliasDeclaration);
    if (alias !== undefined) return this.found(alias.type, called.replace(/Args$/, ""));
    const declared = declarations.find(ts.isInterfaceDeclaration);
    assert.ok(declared !== undefined, `nobody knows how a schema says ${node.getText()}`);
    return plain(this.object(called.replace(/Args$/, ""), declared));
  }

  private object(name: string, node: ts.InterfaceDeclaration | ts.TypeLiteralNode): TypeSpec {
    const token = `${PACKAGE}:${name}`;
    if (!(token in this.types)) {
      // It may contain itself.
      this.types[token] = { type: "object" };
      const { properties, required } = this.members(node.members.filter(ts.isPropertySignature), name, true);
      this.types[token] = { ...this.description(node), type: "object", properties, ...(required.length > 0 ? { required } : {}) };
    }
    return { $ref: `#/types/${token}` };
  }

  /** An object `as const`, beside a type of the same name. */
  private enumeration(name: string, node: ts.VariableDeclaration): TypeSpec {
    const values = node.initializer !== undefined && ts.isAsExpression(node.initializer) ? node.initializer.expression : undefined;
    assert.ok(values !== undefined && ts.isObjectLiteralExpression(values), `${name} must be an object as const`);
    const token = `${PACKAGE}:${name}`;
    this.types[token] = {
      ...this.description(node),
      type: "string",
      enum: values.properties.map((property) => {
        assert.ok(ts.isPropertyAssignment(property) && ts.isStringLiteral(property.initializer), `${name}: ${property.getText()}`);
        return { name: property.name.getText(), value: property.initializer.text };
      }),
    };
    return { $ref: `#/types/${token}` };
  }

  private description(node: ts.Node): { description?: string } {
    const named = (node as ts.NamedDeclaration).name;
    const symbol = named === undefined ? undefined : this.checker.getSymbolAtLocation(named);
    const text = ts.displayPartsToString(symbol?.getDocumentationComment(this.checker)).replace(/\s*\n\s*/g, " ").trim();
    return text === "" ? {} : { description: text };
  }
}

const KEYWORDS: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [ts.SyntaxKind.StringKeyword, "string"],
  [ts.SyntaxKind.BooleanKeyword, "boolean"],
  // Every number is checked to be whole.
  [ts.SyntaxKind.NumberKeyword, "integer"],
]);

function plain(spec: TypeSpec): Found {
  return { spec, isEventual: false };
}

function placed({ spec, isEventual }: Found): TypeSpec {
  return isEventual ? spec : { ...spec, plain: true };
}

function sorted<T>(values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
