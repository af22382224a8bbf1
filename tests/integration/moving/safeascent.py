"""A database as SafeAscent has it, with the rows of a folder of climbing data."""

from pathlib import Path

from sqlalchemy import Connection, text

TABLES = """
    CREATE EXTENSION postgis;
    CREATE TABLE mountains (
        mountain_id integer PRIMARY KEY, name varchar(255) NOT NULL, alt_names text, elevation_ft real,
        prominence_ft real, type varchar(50), range varchar(255), state varchar(100), latitude double precision,
        longitude double precision, location text, accident_count integer DEFAULT 0, coordinates geography(Point, 4326)
    );
    CREATE TABLE routes (
        route_id integer PRIMARY KEY, name varchar(255) NOT NULL, mountain_id integer REFERENCES mountains,
        mountain_name varchar(255), grade varchar(50), grade_yds varchar(50), length_ft real, pitches integer,
        type varchar(100), first_ascent_year integer, latitude double precision, longitude double precision,
        accident_count integer DEFAULT 0, mp_route_id varchar(50), coordinates geography(Point, 4326)
    );
    CREATE TABLE accidents (
        accident_id integer PRIMARY KEY, source varchar(50), source_id varchar(100), date date, year real,
        state varchar(100), location text, mountain varchar(255), route varchar(255), latitude double precision,
        longitude double precision, elevation_meters double precision, accident_type varchar(100),
        activity varchar(100), injury_severity varchar(50), age_range varchar(50), description text, tags text,
        mountain_id integer REFERENCES mountains, route_id integer REFERENCES routes, coordinates geography(Point, 4326)
    );
    CREATE TABLE weather (
        weather_id integer PRIMARY KEY, accident_id integer REFERENCES accidents, date date NOT NULL,
        latitude double precision NOT NULL, longitude double precision NOT NULL, temperature_avg real,
        temperature_min real, temperature_max real, wind_speed_avg real, wind_speed_max real, precipitation_total real,
        visibility_avg real, cloud_cover_avg real, coordinates geography(Point, 4326)
    );
"""
FILES = {"mountains": "mountains", "routes": "routes", "accidents": "accidents", "weather": "accident_weather"}


def fill(connection: Connection, folder: Path) -> None:
    """Make the tables of the files of `folder`, and weather of a day without an accident."""
    with connection.begin():
        connection.execute(text(TABLES))
        cursor = connection.connection.cursor()
        for table, name in FILES.items():
            with (folder / f"{name}.csv").open() as file:
                columns = file.readline().strip()
                cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)", file)
        connection.execute(
            text("INSERT INTO weather (weather_id, date, latitude, longitude) VALUES (999999, '2024-01-01', 46, -121)")
        )
